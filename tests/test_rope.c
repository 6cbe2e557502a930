// SPDX-License-Identifier: MIT
// Every case of rope on every device, against the oracle.
#include <criterion/criterion.h>

#include "on_devices.h"

enum { MIN_CASES = 100 }; // so that an empty table is noticed

Test(rope, cpu)
{
    run_cases_on_devices(GYRE_BACKEND_CPU, "rope/", MIN_CASES);
}

Test(rope, opencl)
{
    run_cases_on_devices(GYRE_BACKEND_OPENCL, "rope/", MIN_CASES);
}

Test(rope, vulkan)
{
    run_cases_on_devices(GYRE_BACKEND_VULKAN, "rope/", MIN_CASES);
}
