// SPDX-License-Identifier: MIT
// Clocks and what many measurements say together.
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include <stddef.h>

double clock_s(void);    // monotonic
double cpu_time_s(void); // of all threads of the process

struct samples {
    double *seconds; // malloc'ed
    size_t n, capacity;
    double total;
};

// Without memory the sample is lost.
void samples_add(struct samples *samples, double seconds);
void samples_free(struct samples *samples);

struct stats {
    size_t n; // 0: nothing was measured
    double min, median;
    double spread; // between the quartiles, over the median
};

struct stats samples_stats(struct samples *samples); // sorts them

#endif
