// SPDX-License-Identifier: MIT
// Every case of attention on every device, against the oracle.
#include "on_devices.h"

enum { MIN_PASSES = 900 }; // so that an empty table is noticed

static void run(enum gyre_backend_kind backend)
{
    run_cases_on_devices(backend, "attention/", MIN_PASSES);
}

TEST_EACH_BACKEND(attention, run)
