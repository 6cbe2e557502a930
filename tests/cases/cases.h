// SPDX-License-Identifier: MIT
// The case tables as their readers see them: the tests, `gyre verify` and `gyre bench`. A case is a
// row of an operator's table with a set of dtypes; its name is "rope/half_128/f16".
#ifndef CASES_CASES_H
#define CASES_CASES_H

#include <gyre/attention.h>

#include "harness/result.h"
#include "harness/session.h"

// Dtypes that one run of a row uses. Rows name sets by these bits; 0 means CASE_F32.
enum {
    CASE_F32 = 1 << 0,
    CASE_F16 = 1 << 1,
    CASE_BF16 = 1 << 2,
    CASE_ALL = CASE_F32 | CASE_F16 | CASE_BF16,
    CASE_KV_F16 = 1 << 3,  // q and out f32, k and v f16
    CASE_KV_BF16 = 1 << 4, // q and out f32, k and v bf16
    CASE_MIXED = 1 << 5,   // four kinds of everything
    // bf16, and attention's products by the CPU's bf16 dot products
    CASE_BF16_DOTS = 1 << 6,
    // f16, and attention's products of q and k summed in f16
    CASE_F16_SUMS = 1 << 7,
};

struct case_dtypes {
    const char *name;
    enum gyre_dtype q, k, v, out; // an operator with one tensor uses q
    enum gyre_attention_precision precision;
};

// Row of the set with this one bit; NULL past the last.
const struct case_dtypes *case_dtypes_of(unsigned bit);

// One operator. A prepared run is the case's tensors on a device.
struct case_operator {
    const char *name;
    const char *(*row_name)(size_t row); // NULL past the last row
    unsigned (*row_dtypes)(size_t row);
    // NULL when the device lacks what the case needs, or anything failed: `result` says which.
    void *(*prepare)(struct session *session, size_t row, const struct case_dtypes *dtypes,
                     uint64_t seed, struct result *result);
    enum gyre_status (*enqueue)(void *run);
    // Reads everything back and compares with the oracle.
    void (*check)(void *run, struct result *result);
    void (*destroy)(void *run);
};

extern const struct case_operator rope_operator, attention_operator, attention_merge_operator,
    linear_operator;

// All of them, ended by NULL.
extern const struct case_operator *const case_operators[];

// Enqueues a prepared run once, checks and destroys it.
void case_complete(struct session *session, const struct case_operator *op, void *run,
                   struct result *result);

// Prepares and completes.
void case_run(struct session *session, const struct case_operator *op, size_t row,
              const struct case_dtypes *dtypes, uint64_t seed, struct result *result);

// Runs every case whose "op/row/dtypes" contains `filter` (NULL: all) and calls `visit` after each.
typedef void case_visit_fn(void *user, const struct case_id *id, const struct result *result);
void cases_run(struct session *session, const char *filter, uint64_t seed, case_visit_fn *visit,
               void *user);

// The same with one of each row's sets of dtypes, taken in turn from row to row, and on software
// renderers only every second or third row, which the seed chooses: they compile a kernel for each,
// PoCL for seconds.
void cases_run_briefly(struct session *session, const char *filter, uint64_t seed,
                       case_visit_fn *visit, void *user);

// How many cases cases_run would run.
size_t cases_count(const char *filter);

// Whether the library has or compiles a kernel for every mix of dtypes and options.
bool case_has_every_kernel(const struct session *session);

// Why a case was not prepared. It is skipped where UNSUPPORTED is a fair answer for these dtypes:
// the device cannot store 16-bit elements, or the library was built without a compiler for this mix
// of them or of options (is_rare). Anything else is a failure.
void case_not_prepared(const struct session *session, const struct case_dtypes *dtypes,
                       bool is_rare, enum gyre_status status, struct result *result);

#endif
