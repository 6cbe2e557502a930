// SPDX-License-Identifier: MIT
// What is timed: a row of the bench on a device, its result verified first.
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include "rows.h"

struct subject;

// Prepares the row, runs it once and holds the result against the oracle. `n_copies` of what
// is read and written are made for rows whose limit is cold; they are visited in turn. NULL when
// `result` says that it failed or was skipped; *first_s is how long the first call took,
// compilation included.
struct subject *subject_create(struct session *session, const struct bench_row *row,
                               const struct case_dtypes *dtypes, size_t n_copies, uint64_t seed,
                               double *first_s, struct result *result);
enum gyre_status subject_enqueue(struct subject *subject);
// Bytes that a call takes beside its tensors: it runs once more, on a stream of its own.
enum gyre_status subject_scratch(struct subject *subject, uint64_t *size);
// Of the call that was verified; NULL: it is no attention.
const struct gyre_attention_params *subject_attention(const struct subject *subject);
void subject_destroy(struct subject **subject);

#endif
