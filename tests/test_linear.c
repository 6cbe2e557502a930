// SPDX-License-Identifier: MIT
// Every case of linear attention on every device, against the oracle.
#include "on_devices.h"

enum { MIN_CASES = 180 }; // so that an empty table is noticed

static void run(enum gyre_backend_kind backend)
{
    run_cases_on_devices(backend, "linear/", MIN_CASES);
}

TEST_EACH_BACKEND(linear, run)
