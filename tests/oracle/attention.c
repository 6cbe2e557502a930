// SPDX-License-Identifier: MIT
#include "oracle/attention.h"

#include <math.h>

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : (x > high ? high : x);
}

// Keys that sequence b has.
static int64_t length_of(const struct oracle_attention *a, size_t b)
{
    int64_t kv_len = (int64_t)a->kv_len;
    return a->kv_lens != NULL ? clamp(a->kv_lens[b], 0, kv_len) : kv_len;
}

// How far positions reach.
static const int64_t most = INT64_C(1) << 30;

int64_t oracle_attention_q_position(const struct oracle_attention *a, size_t b, size_t i)
{
    const int64_t q_len = (int64_t)a->q_len;
    int64_t start = a->q_start + (a->q_starts != NULL ? a->q_starts[b] : 0);
    if (a->is_at_end)
        start += length_of(a, b) - q_len;
    return clamp(start, -most, most - q_len) + (int64_t)i;
}

int64_t oracle_attention_k_position(const struct oracle_attention *a, size_t b, size_t j)
{
    if (a->k_positions == NULL)
        return (int64_t)j;
    return clamp(a->k_positions[b * a->kv_len + j], -most, most - 1);
}

// Whether a position is one of the first n from 0 on.
static int is_among_first(int64_t position, uint64_t n)
{
    return position >= 0 && (uint64_t)position < n;
}

int oracle_attention_sees(const struct oracle_attention *a, size_t b, size_t i, size_t j)
{
    int64_t q_pos = oracle_attention_q_position(a, b, i);
    int64_t k_pos = oracle_attention_k_position(a, b, j);
    int64_t left = (int64_t)a->window_left, right = (int64_t)a->window_right;
    int is_causally_seen = !a->is_causal || k_pos <= q_pos || is_among_first(k_pos, a->n_prefix);
    int is_in_window = (left == 0 || q_pos - k_pos < left) && (right == 0 || k_pos - q_pos < right);
    return (int64_t)j < length_of(a, b) && is_causally_seen &&
           (is_in_window || is_among_first(k_pos, a->window_keep));
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t d = 0; d < n; d++)
        sum += a[d] * b[d];
    return sum;
}

// Element (b, token, head, 0) of a tensor (n_batch, n_tokens, n_heads, dim).
static const double *head_of(const double *x, size_t b, size_t token, size_t n_tokens, size_t head,
                             size_t n_heads, size_t dim)
{
    return x + ((b * n_tokens + token) * n_heads + head) * dim;
}

static double mask_at(const struct oracle_attention *a, size_t b, size_t h, size_t i, size_t j)
{
    if (a->mask == NULL)
        return 0;
    return a->mask[((b * a->n_heads + h) * a->q_len + i) * a->kv_len + j];
}

// From query to key.
static int64_t distance_of(const struct oracle_attention *a, size_t b, size_t i, size_t j)
{
    return oracle_attention_k_position(a, b, j) - oracle_attention_q_position(a, b, i);
}

static double alibi_at(const struct oracle_attention *a, size_t b, size_t h, size_t i, size_t j)
{
    if (a->slopes == NULL)
        return 0;
    return -a->slopes[h] * fabs((double)distance_of(a, b, i, j));
}

// The relative key embedding of the distance from query to key; farther ones clipped.
static const double *relative_of(const struct oracle_attention *a, size_t kv_head, int64_t distance)
{
    int64_t farthest = (int64_t)(a->n_relative / 2);
    size_t number = (size_t)(clamp(distance, -farthest, farthest) + farthest);
    return head_of(a->relative, 0, number, a->n_relative, kv_head, a->n_kv_heads, a->head_dim);
}

// Raw, capped and masked scores.
static void score_keys(const struct oracle_attention *a, size_t b, size_t h, size_t i,
                       struct oracle_attention_row *row)
{
    double scale = a->scale != 0 ? a->scale : 1 / sqrt((double)a->head_dim);
    size_t kv_head = h / (a->n_heads / a->n_kv_heads);
    const double *q = head_of(a->q, b, i, a->q_len, h, a->n_heads, a->head_dim);
    for (size_t j = 0; j < a->kv_len; j++) {
        const double *k = head_of(a->k, b, j, a->kv_len, kv_head, a->n_kv_heads, a->head_dim);
        double product = dot(q, k, a->head_dim);
        if (a->relative != NULL)
            product += dot(q, relative_of(a, kv_head, distance_of(a, b, i, j)), a->head_dim);
        double raw = scale * product;
        double capped = a->softcap > 0 ? a->softcap * tanh(raw / a->softcap) : raw;
        double added = mask_at(a, b, h, i, j) + alibi_at(a, b, h, i, j);
        int is_seen = oracle_attention_sees(a, b, i, j) && added != -INFINITY;
        row->scores[ORACLE_RAW][j] = raw;
        row->scores[ORACLE_CAPPED][j] = capped;
        row->scores[ORACLE_MASKED][j] = is_seen ? capped + added : -INFINITY;
    }
}

// Probabilities and LSE of a row of masked scores; zeros and -inf where every key is hidden. The
// sink (-inf: none) is in the sum of the probabilities only.
static void normalise(size_t n, double sink, struct oracle_attention_row *row)
{
    const double *s = row->scores[ORACLE_MASKED];
    double *p = row->scores[ORACLE_PROBS];
    double max = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        max = fmax(max, s[j]);
    for (size_t j = 0; j < n; j++) {
        p[j] = s[j] == -INFINITY ? 0 : exp(s[j] - max);
        sum += p[j];
    }
    for (size_t j = 0; j < n; j++)
        p[j] = s[j] == -INFINITY ? 0 : p[j] / (sum + exp(sink - max));
    row->lse = max + log(sum);
}

void oracle_attention_row(const struct oracle_attention *a, size_t b, size_t h, size_t i,
                          struct oracle_attention_row *row)
{
    size_t kv_head = h / (a->n_heads / a->n_kv_heads);
    score_keys(a, b, h, i, row);
    normalise(a->kv_len, a->sinks != NULL ? a->sinks[h] : -INFINITY, row);
    for (size_t d = 0; d < a->v_dim; d++)
        row->out[d] = 0;
    for (size_t j = 0; j < a->kv_len; j++) {
        // Only keys that are seen take part: a hidden NaN must not meet a zero.
        if (row->scores[ORACLE_MASKED][j] == -INFINITY)
            continue;
        const double *v = head_of(a->v, b, j, a->kv_len, kv_head, a->n_kv_heads, a->v_dim);
        for (size_t d = 0; d < a->v_dim; d++)
            row->out[d] += row->scores[ORACLE_PROBS][j] * v[d];
    }
}
