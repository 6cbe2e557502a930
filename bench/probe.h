// SPDX-License-Identifier: MIT
// What the machine allows: the plainest code that moves the same bytes, or that computes without
// pause, on the same number of threads. For devices that share the host's processor only.
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include "rows.h"

struct probe;

// `n_copies` of what is read or copied are visited in turn, so that they are as cold as the
// subject's. NULL without memory, or where the processor has no such limit.
struct probe *probe_create(enum limit limit, struct cost cost, size_t n_copies, size_t n_threads);
void probe_run(struct probe *probe);
double probe_work(const struct probe *probe); // bytes or floating-point operations of a run
void probe_destroy(struct probe **probe);

#endif
