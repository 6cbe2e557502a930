// SPDX-License-Identifier: MIT
#include "entropy.h"

#include <math.h>
#include <stdbool.h>

void entropy_add(struct entropy *entropy, const float *probs, uint64_t n_keys)
{
    double sum = 0;
    bool is_seen = false;
    for (uint64_t j = 0; j < n_keys; j++) {
        bool is_hidden = probs[j] < 0;
        is_seen |= !is_hidden;
        if (!is_hidden && probs[j] != 0) // 0 ln 0 is 0
            sum -= probs[j] * log(probs[j]);
    }
    if (!is_seen)
        return;
    sum = sum < 0 ? 0 : sum; // probabilities may be rounded to above 1
    bool is_first = entropy->n == 0;
    entropy->n++;
    entropy->sum += sum;
    entropy->min = is_first || isnan(sum) || sum < entropy->min ? sum : entropy->min;
    entropy->max = is_first || isnan(sum) || sum > entropy->max ? sum : entropy->max;
}

double entropy_mean(const struct entropy *entropy)
{
    return entropy->n != 0 ? entropy->sum / (double)entropy->n : NAN;
}
