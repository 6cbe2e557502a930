// SPDX-License-Identifier: MIT
#include "timing.h"

#include <stdlib.h>
#include <time.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_s(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double cpu_time_s(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void samples_add(struct samples *samples, double seconds)
{
    samples->total += seconds;
    if (samples->n == samples->capacity) {
        size_t capacity = samples->capacity != 0 ? 2 * samples->capacity : 256;
        double *grown = realloc(samples->seconds, capacity * sizeof(*grown));
        if (grown == NULL)
            return;
        samples->seconds = grown;
        samples->capacity = capacity;
    }
    samples->seconds[samples->n++] = seconds;
}

void samples_free(struct samples *samples)
{
    free(samples->seconds);
    *samples = (struct samples){0};
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct stats samples_stats(struct samples *samples)
{
    size_t n = samples->n;
    const double *s = samples->seconds;
    if (n == 0)
        return (struct stats){0};
    qsort(samples->seconds, n, sizeof(*samples->seconds), compare_doubles);
    return (struct stats){
        .n = n,
        .min = s[0],
        .median = s[n / 2],
        .spread = (s[n * 3 / 4] - s[n / 4]) / s[n / 2],
    };
}
