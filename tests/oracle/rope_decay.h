// SPDX-License-Identifier: MIT
// The long-term decay of RoFormer (arXiv 2104.09864), section 3.4.3: how large an attention score
// can still be, at most, when two tokens stand `distance` apart.
#ifndef ORACLE_ROPE_DECAY_H
#define ORACLE_ROPE_DECAY_H

#include <stddef.h>

// (1/n) sum_{i=1..n} |S_i|, with S_i = sum_{j<i} e^(I distance inv_freq[j]), n = n_pairs = d/2 and
// I^2 = -1. Times n max_j |h[j+1] - h[j]| it is no less than the score of a query and a key whose
// pairs multiply to h, |sum_j h[j] e^(I distance inv_freq[j])| (eq. 37). (n + 1) / 2 at distance 0.
double oracle_rope_decay(const double *inv_freq, size_t n_pairs, double distance);

#endif
