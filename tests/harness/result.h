// SPDX-License-Identifier: MIT
// How a case ended, and how that is told.
#ifndef HARNESS_RESULT_H
#define HARNESS_RESULT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <gyre/common.h>

enum outcome {
    OUTCOME_PASS,
    OUTCOME_FAIL,
    OUTCOME_SKIP, // this device lacks what the case needs; `text` says what
};

struct result {
    enum outcome outcome;
    double rms, max; // worst relative RMS, and largest error over its scale, of any output
    double of_bound; // largest share of its bound that any error reached; above 1 is a failure
    char text[768];  // what failed, or why it was skipped
};

// Set the outcome and text. A failure is never overwritten by a later one.
__attribute__((format(printf, 2, 3))) void result_fail(struct result *result, const char *format,
                                                       ...);
__attribute__((format(printf, 2, 3))) void result_skip(struct result *result, const char *format,
                                                       ...);

// Fails with the status, the call's name and the log's last lines.
void result_fail_status(struct result *result, const char *call, enum gyre_status status,
                        const char *log);

// What can be repeated: a case on a device.
struct case_id {
    const char *device;    // "opencl:0"
    const char *op, *name; // "rope", "half_128/f16"
    uint64_t seed;
};

// Prints a failure: the id, what happened, and the command that repeats it, which begins with
// `program` and takes --device, --case and --seed.
void result_print_failure(FILE *out, const char *program, const struct case_id *id,
                          const struct result *result);

// Counts over many cases.
struct tally {
    unsigned n_passed, n_failed, n_skipped;
    double of_bound; // largest
};

void tally_add(struct tally *tally, const struct result *result);

// Whether nothing failed and at least so many passed; what was skipped has shown nothing.
bool tally_suffices(const struct tally *tally, unsigned min_passes);

#endif
