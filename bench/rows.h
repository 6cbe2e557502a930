// SPDX-License-Identifier: MIT
// What `gyre bench` measures: cases of the same kind as the tests', at sizes where rates mean
// something.
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "cases/attention.h"
#include "cases/attention_merge.h"
#include "cases/linear.h"
#include "cases/rope.h"

// What bounds a row's speed, and is probed next to it.
enum limit {
    LIMIT_COPY,      // copying the same rows
    LIMIT_SCALE,     // reading and writing the same rows in place
    LIMIT_READ,      // reading as much
    LIMIT_COLD_COPY, // the same from and to memory, past the caches
    LIMIT_COLD_SCALE,
    LIMIT_COLD_READ, // reading the same keys and values
    LIMIT_FMA,       // multiplying and adding
    LIMIT_BF16_DOT,  // the same to pairs of bf16
    N_LIMITS
};

// Which sets a row belongs to.
enum { ROW_QUICK = 1, ROW_SOFTWARE = 2 };

struct bench_row {
    enum limit limit;
    unsigned sets;
    // The one with a name is measured.
    struct rope_case rope;
    struct attention_case attention;
    struct attention_merge_case merge;
    struct linear_case linear;
};

extern const struct bench_row bench_rows[]; // ended by a row without names

const char *bench_row_op(const struct bench_row *row);   // as case_operator.name
const char *bench_row_name(const struct bench_row *row); // NULL: the end
unsigned bench_row_dtypes(const struct bench_row *row);  // CASE_* bits

// What one run reads and writes, or computes.
struct cost {
    double bytes; // moved between memory and the device, at least
    double flops;
};

struct cost bench_row_cost(const struct bench_row *row, const struct case_dtypes *dtypes);

// Whether the limit is one of arithmetic, and rates are FLOP/s, not bytes/s.
bool limit_is_flops(enum limit limit);
bool limit_is_read(enum limit limit); // of nothing but reading
bool limit_is_cold(enum limit limit);
const char *limit_name(enum limit limit); // "copy", "scale in place", "cold read", "fma", ...

#endif
