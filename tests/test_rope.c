// SPDX-License-Identifier: MIT
// Every case of rope on every device, against the oracle.
#include "on_devices.h"

enum { MIN_PASSES = 100 }; // so that an empty table is noticed

static void run(enum gyre_backend_kind backend)
{
    run_cases_on_devices(backend, "rope/", MIN_PASSES);
}

TEST_EACH_BACKEND(rope, run)
