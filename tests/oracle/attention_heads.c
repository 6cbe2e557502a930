// SPDX-License-Identifier: MIT
#include "oracle/attention_heads.h"

#include <string.h>

// The angles of a token's pairs, times the amplitude.
static void set_angles(const struct oracle_heads *heads, const int64_t *position, double *cosines,
                       double *sines)
{
    oracle_rope_angles(heads->rope, position, cosines, sines);
    for (size_t j = 0; j < heads->rope->rotary_dim / 2; j++) {
        cosines[j] *= heads->amplitude;
        sines[j] *= heads->amplitude;
    }
}

void oracle_heads_at(const struct oracle_heads *heads, size_t token, const int64_t *position,
                     double *angles, double *y)
{
    size_t dim = heads->dim, dim2 = heads->dim2;
    double *cosines = angles, *sines = angles;
    if (heads->rope != NULL) {
        sines += heads->rope->rotary_dim / 2;
        set_angles(heads, position, cosines, sines);
    }
    for (size_t h = 0; h < heads->n_heads; h++, y += dim + dim2) {
        memcpy(y, heads->x + (token * heads->n_heads + h) * dim, dim * sizeof(*y));
        if (dim2 != 0) {
            size_t h2 = h / (heads->n_heads / heads->n_heads2);
            memcpy(y + dim, heads->x2 + (token * heads->n_heads2 + h2) * dim2, dim2 * sizeof(*y));
        }
        double *rotated = dim2 != 0 ? y + dim : y;
        if (heads->rope != NULL)
            oracle_rope_rotate(heads->rope, cosines, sines, rotated, rotated);
    }
}
