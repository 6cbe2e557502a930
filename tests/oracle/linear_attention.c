// SPDX-License-Identifier: MIT
#include "oracle/linear_attention.h"

#include <math.h>
#include <string.h>

enum { MAX_DIM = 1024 };

// A head's features, plain and rotated, and the largest that each rotated one can be.
struct features {
    double plain[MAX_DIM], rotated[MAX_DIM], size[MAX_DIM];
};

static void set_pair_sizes(const struct oracle_rope *rope, double amplitude, double *size)
{
    for (size_t j = 0; j < rope->rotary_dim / 2; j++) {
        size_t first, second;
        oracle_rope_pair(rope, j, &first, &second);
        size[first] = size[second] = fabs(amplitude) * hypot(size[first], size[second]);
    }
}

static void find_features(const struct oracle_linear *a, int64_t position, const double *x,
                          struct features *f)
{
    size_t n = a->head_dim;
    for (size_t d = 0; d < n; d++)
        f->plain[d] = x[d] > 0 ? x[d] + 1 : exp(x[d]);
    memcpy(f->rotated, f->plain, n * sizeof(double));
    memcpy(f->size, f->plain, n * sizeof(double));
    if (a->rope == NULL)
        return;
    oracle_rope_head(a->rope, position, a->amplitude, a->amplitude, f->plain, f->rotated);
    set_pair_sizes(a->rope, a->amplitude, f->size);
}

static double dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t d = 0; d < n; d++)
        sum += x[d] * y[d];
    return sum;
}

// The same for sizes: a pair's two elements hold its norm, which counts once.
static double dot_sizes(const struct oracle_linear *a, const double *x, const double *y)
{
    double sum = dot(x, y, a->head_dim);
    for (size_t j = 0; a->rope != NULL && j < a->rope->rotary_dim / 2; j++) {
        size_t first, second;
        oracle_rope_pair(a->rope, j, &first, &second);
        sum -= x[second] * y[second];
    }
    return sum;
}

// Element (b, token, head, 0) of a tensor (n_batch, n_tokens, n_heads, dim).
static const double *head_of(const double *x, size_t b, size_t token, size_t n_tokens, size_t head,
                             size_t n_heads, size_t dim)
{
    return x + ((b * n_tokens + token) * n_heads + head) * dim;
}

static void key_features(const struct oracle_linear *a, size_t b, size_t j, size_t kv_head,
                         struct features *f)
{
    const double *k = head_of(a->k, b, j, a->kv_len, kv_head, a->n_kv_heads, a->head_dim);
    find_features(a, a->k_start + (int64_t)j, k, f);
}

static int is_seen(const struct oracle_linear *a, size_t i, size_t j)
{
    return !a->is_causal || a->k_start + (int64_t)j <= a->q_start + (int64_t)i;
}

// Adds what a query gets from the past; returns its part of the denominator.
static double add_past(const struct oracle_linear *a, size_t b, size_t kv_head,
                       const struct features *q, double *out, double *size)
{
    size_t head = b * a->n_kv_heads + kv_head;
    double column[MAX_DIM], column_size[MAX_DIM];
    if (a->past_state == NULL)
        return 0;
    const double *state = a->past_state + head * a->head_dim * a->v_dim;
    for (size_t c = 0; c < a->v_dim; c++) {
        for (size_t d = 0; d < a->head_dim; d++) {
            column[d] = state[d * a->v_dim + c];
            column_size[d] = fabs(column[d]);
        }
        if (a->rope != NULL)
            set_pair_sizes(a->rope, 1, column_size);
        out[c] += dot(q->rotated, column, a->head_dim);
        size[c] += dot_sizes(a, q->size, column_size);
    }
    return dot(q->plain, a->past_norm + head * a->head_dim, a->head_dim);
}

void oracle_linear_row(const struct oracle_linear *a, size_t b, size_t h, size_t i, double *out,
                       double *size)
{
    size_t kv_head = h / (a->n_heads / a->n_kv_heads);
    struct features q, k;
    for (size_t c = 0; c < a->v_dim; c++)
        out[c] = size[c] = 0;
    find_features(a, a->q_start + (int64_t)i,
                  head_of(a->q, b, i, a->q_len, h, a->n_heads, a->head_dim), &q);
    int sees_any = a->past_state != NULL;
    double denominator = add_past(a, b, kv_head, &q, out, size);
    for (size_t j = 0; j < a->kv_len; j++) {
        if (!is_seen(a, i, j))
            continue;
        sees_any = 1;
        key_features(a, b, j, kv_head, &k);
        const double *v = head_of(a->v, b, j, a->kv_len, kv_head, a->n_kv_heads, a->v_dim);
        double weight = dot(q.rotated, k.rotated, a->head_dim);
        double most = dot_sizes(a, q.size, k.size);
        for (size_t c = 0; c < a->v_dim; c++) {
            out[c] += weight * v[c];
            size[c] += most * fabs(v[c]);
        }
        denominator += dot(q.plain, k.plain, a->head_dim);
    }
    for (size_t c = 0; sees_any && c < a->v_dim; c++) {
        out[c] /= denominator;
        size[c] /= denominator;
    }
}

void oracle_linear_sums(const struct oracle_linear *a, size_t b, size_t h, double *state,
                        double *size, double *norm)
{
    size_t head = b * a->n_kv_heads + h, n = a->head_dim * a->v_dim;
    struct features k;
    for (size_t e = 0; e < n; e++) {
        state[e] = a->past_state != NULL ? a->past_state[head * n + e] : 0;
        size[e] = fabs(state[e]);
    }
    for (size_t d = 0; d < a->head_dim; d++)
        norm[d] = a->past_norm != NULL ? a->past_norm[head * a->head_dim + d] : 0;
    for (size_t j = 0; j < a->kv_len; j++) {
        const double *v = head_of(a->v, b, j, a->kv_len, h, a->n_kv_heads, a->v_dim);
        key_features(a, b, j, h, &k);
        for (size_t e = 0; e < n; e++) {
            state[e] += k.rotated[e / a->v_dim] * v[e % a->v_dim];
            size[e] += k.size[e / a->v_dim] * fabs(v[e % a->v_dim]);
        }
        for (size_t d = 0; d < a->head_dim; d++)
            norm[d] += k.plain[d];
    }
}
