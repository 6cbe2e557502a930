// SPDX-License-Identifier: MIT
// Every case of attention on every device, against the oracle.
#include "on_devices.h"

enum { MIN_CASES = 900 }; // so that an empty table is noticed

static void run(enum gyre_backend_kind backend)
{
    run_cases_on_devices(backend, "attention/", MIN_CASES);
}

TEST_EACH_BACKEND(attention, run)
