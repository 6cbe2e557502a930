// SPDX-License-Identifier: MIT
#include "oracle/attention_merge.h"

#include <math.h>

double oracle_attention_merge(const struct oracle_part *parts, size_t n_parts, size_t v_dim,
                              double sink, double *out)
{
    double most = -INFINITY, sum = 0;
    for (size_t d = 0; d < v_dim; d++)
        out[d] = 0;
    for (size_t i = 0; i < n_parts; i++)
        most = fmax(most, parts[i].lse);
    // Only parts that saw a key take part: a NaN in the others must not meet a zero.
    for (size_t i = 0; i < n_parts; i++)
        if (parts[i].lse != -INFINITY)
            sum += exp(parts[i].lse - most);
    for (size_t i = 0; i < n_parts; i++)
        for (size_t d = 0; d < v_dim && parts[i].lse != -INFINITY; d++)
            out[d] += exp(parts[i].lse - most) / (sum + exp(sink - most)) * parts[i].out[d];
    return most + log(sum);
}
