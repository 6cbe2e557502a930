// SPDX-License-Identifier: MIT
// Every case of attention on every device, against the oracle.
#include <criterion/criterion.h>

#include "on_devices.h"

enum { MIN_CASES = 140 }; // so that an empty table is noticed

Test(attention, cpu)
{
    run_cases_on_devices(GYRE_BACKEND_CPU, "attention/", MIN_CASES);
}

Test(attention, opencl)
{
    run_cases_on_devices(GYRE_BACKEND_OPENCL, "attention/", MIN_CASES);
}

Test(attention, vulkan)
{
    run_cases_on_devices(GYRE_BACKEND_VULKAN, "attention/", MIN_CASES);
}
