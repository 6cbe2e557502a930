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
// fewer than min_cases came together; without a device it is skipped, or fails when $GYRE_REQUIRE
// names the backend.
typedef void on_device_fn(struct session *session, const void *context, struct tally *tally);
void run_on_devices(enum gyre_backend_kind backend, on_device_fn *fn, const void *context,
                    unsigned min_cases);

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

// Runs the cases whose name contains `filter`, printing failures: on the CPU all, at least
// min_cases, and as cases_run_briefly elsewhere.
void run_cases_on_devices(enum gyre_backend_kind backend, const char *filter, unsigned min_cases);

#endif
