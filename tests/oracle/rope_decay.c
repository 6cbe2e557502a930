// SPDX-License-Identifier: MIT
#include "oracle/rope_decay.h"

#include <math.h>

double oracle_rope_decay(const double *inv_freq, size_t n_pairs, double distance)
{
    double real = 0, imaginary = 0, sum = 0;
    for (size_t i = 0; i < n_pairs; i++) {
        real += cos(distance * inv_freq[i]);
        imaginary += sin(distance * inv_freq[i]);
        sum += hypot(real, imaginary);
    }
    return sum / (double)n_pairs;
}
