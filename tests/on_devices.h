// SPDX-License-Identifier: MIT
// Criterion tests that run on every device of a backend. A Criterion test is a process of its own,
// so devices are found and opened inside it, never before.
#ifndef TESTS_ON_DEVICES_H
#define TESTS_ON_DEVICES_H

#include <criterion/criterion.h>

#include "harness/result.h"
#include "harness/session.h"

// Skips the running test and says so, which Criterion by itself does not.
void skip_test(const char *reason, const char *what);

// Calls `fn` with each device of the backend. The test fails when a tally has a failure, or when
// fewer than min_passes came together; without a device it is skipped, or fails when $GYRE_REQUIRE
// names the backend. Only what passed counts, not what was skipped because a device lacks 16-bit
// storage, f16 arithmetic, bf16 dot products or, without a compiler, a shader: so min_passes is
// what the poorest device can run, mostly f32.
typedef void on_device_fn(struct session *session, const void *context, struct tally *tally);
void run_on_devices(enum gyre_backend_kind backend, on_device_fn *fn, const void *context,
                    unsigned min_passes);

// What every case of a test needs of a device.
struct device_need {
    const char *what; // after "no device with"
    bool (*is_met)(const struct session *session);
};

// The same with the devices that meet the need; where none does, the test is skipped.
void run_on_devices_with(const struct device_need *need, enum gyre_backend_kind backend,
                         on_device_fn *fn, const void *context, unsigned min_passes);

// Tests SUITE/cpu, SUITE/opencl and SUITE/vulkan, each of which calls run(backend).
#define TEST_EACH_BACKEND(suite, run)                                                              \
    Test(suite, cpu)                                                                               \
    {                                                                                              \
        run(GYRE_BACKEND_CPU);                                                                     \
    }                                                                                              \
    Test(suite, opencl)                                                                            \
    {                                                                                              \
        run(GYRE_BACKEND_OPENCL);                                                                  \
    }                                                                                              \
    Test(suite, vulkan)                                                                            \
    {                                                                                              \
        run(GYRE_BACKEND_VULKAN);                                                                  \
    }

// Counts the result of what is called `name`, and prints a failure.
void report(const struct session *session, const char *name, const struct result *result,
            struct tally *tally);

// The same for a case of the tables, which can be repeated: a case_visit_fn whose user is a tally.
void report_case(void *tally, const struct case_id *id, const struct result *result);

// Runs the cases whose name contains `filter`, printing failures: on the CPU all, of which at
// least min_passes pass, and as cases_run_briefly elsewhere.
void run_cases_on_devices(enum gyre_backend_kind backend, const char *filter, unsigned min_passes);

#endif
