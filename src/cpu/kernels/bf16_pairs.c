// SPDX-License-Identifier: MIT
// Attention's products by AVX512_BF16, which multiplies pairs of bf16 and adds in f32:
//
//   s = scale (q.k)    p = exp(s - max), rounded to bf16    o = sum p v / sum p
//
// q keeps its stored elements, so scores err by their f32 sums only.
#define MICRO_PAIRS
#include "bf16_pairs.h"

#include "convert.h"
#include "layout.h"

enum { HALVES = 2 * VEC }; // elements of a vector of words

INLINE operands words_load(const void *src)
{
    operands words;
    memcpy(&words, src, sizeof(words));
    return words;
}

INLINE void words_store(void *dst, operands words)
{
    memcpy(dst, &words, sizeof(words));
}

// The first n elements, the others 0: as words, and as they are.
INLINE operands words_load_part(const uint16_t *src, size_t n)
{
    __mmask32 there = n < HALVES ? (1u << n) - 1 : UINT32_MAX;
    return (operands)_mm512_maskz_loadu_epi16(there, src);
}

INLINE hvec halves_load_part(const uint16_t *src, size_t n)
{
    __mmask16 there = n < VEC ? (__mmask16)((1u << n) - 1) : UINT16_MAX;
    return (hvec)_mm256_maskz_loadu_epi16(there, src);
}

// --- loading

static void load_queries(const void *const rows[VEC], size_t n, float *q)
{
    for (size_t d = 0; d < n; d += HALVES) {
        vec words[VEC];
        for (int i = 0; i < VEC; i++)
            words[i] = (vec)words_load_part((const uint16_t *)rows[i] + d, n - d);
        vec_transpose(words);
        for (int i = 0; i < VEC; i++, q += LANES)
            vec_store(q, words[i]);
    }
}

static void load_keys(const void *rows, size_t src_stride, size_t n_rows, size_t n_columns,
                      float *dst, size_t dst_stride)
{
    const uint16_t *src = rows;
    for (size_t r = 0; r < n_rows; r++, src += src_stride, dst += dst_stride)
        for (size_t d = 0; d < n_columns; d += HALVES)
            words_store(dst + d / 2, words_load_part(src + d, n_columns - d));
    memset(dst, 0, (round_up(n_rows, MICRO_PAD) - n_rows) * dst_stride * sizeof(*dst));
}

static bool load_values(const void *rows, size_t src_stride, size_t n_rows, size_t n_columns,
                        float *dst, size_t dst_stride)
{
    const uint16_t *src = rows;
    hvec wild = {0}; // bits where an element is NaN or infinite
    for (size_t r = 0; r < n_rows; r += 2, src += 2 * src_stride, dst += 2 * dst_stride) {
        const size_t n_second = r + 1 < n_rows ? n_columns : 0;
        for (size_t d = 0; d < n_columns; d += VEC) {
            hvec first = halves_load_part(src + d, n_columns - d);
            hvec second = halves_load_part(src + src_stride + d, n_second > d ? n_second - d : 0);
            wild |= (hvec)((first & 0x7f80) == 0x7f80) | (hvec)((second & 0x7f80) == 0x7f80);
            words_store(dst + d, widen(first) | widen(second) << 16);
        }
    }
    return !vec_any((ivec)widen(wild));
}

// --- scores

INLINE void compute_scores_as(int n_vecs, float scale, const struct block *block,
                              const struct tile *tile)
{
    const struct product product = {
        .n_rows = tile->end - tile->begin,
        .n_steps = round_up(tile->head_dim, 2) / 2,
        .a = (const operand *)tile->k,
        .a_row = tile->k_stride,
        .a_step = 1,
        .b = (const operand *)block->q,
        .c = tile->scores,
        .scale = scale,
        .ahead = tile->ahead,
    };
    micro_product(n_vecs, false, &product);
}

static void compute_scores(int n_vecs, float scale, const struct block *block,
                           const struct tile *tile)
{
    if (n_vecs == 1)
        compute_scores_as(1, scale, block, tile);
    else if (n_vecs == 2)
        compute_scores_as(2, scale, block, tile);
    else
        compute_scores_as(MICRO_VECS, scale, block, tile);
}

// --- values

// Both, rounded to nearest even, side by side in each lane's word.
INLINE operands pair(vec first, vec second)
{
    static const uint16_t order[HALVES] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                           21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                           11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
    return (operands)_mm512_permutexvar_epi16((__m512i)words_load(order), both);
}

INLINE vec first_of(operands words)
{
    return (vec)(words << 16);
}

INLINE vec second_of(operands words)
{
    return (vec)(words & 0xffff0000u);
}

INLINE void add_to(float *dst, vec term)
{
    vec_store(dst, vec_load(dst) + term);
}

// Scores become p, two keys a row, over the scores that have been read.
INLINE void exponentiate_pairs(int n_vecs, struct block *block, const struct tile *tile)
{
    vec reference[MICRO_VECS], sum[MICRO_VECS] = {0}, rounded[MICRO_VECS] = {0};
    const u32 n = tile->end - tile->begin;
    float *scores = tile->scores, *pairs = tile->scores;
    for (int v = 0; v < n_vecs; v++)
        reference[v] = reference_of(vec_load(block->max + v * VEC));
    for (int v = 0; v < n_vecs && n % 2 != 0; v++)
        vec_store(scores + (size_t)n * LANES + v * VEC, vec_set1(-INFINITY));
    for (u32 key = 0; key < n; key += 2, scores += 2 * LANES, pairs += LANES) {
        for (int v = 0; v < n_vecs; v++) {
            vec first = vec_exp(vec_load(scores + v * VEC) - reference[v]);
            vec second = vec_exp(vec_load(scores + LANES + v * VEC) - reference[v]);
            operands words = pair(first, second);
            words_store(pairs + v * VEC, words);
            sum[v] += first + second;
            rounded[v] += first_of(words) + second_of(words);
        }
    }
    for (int v = 0; v < n_vecs; v++) {
        add_to(block->sum + v * VEC, sum[v]);
        add_to(block->rounded_sum + v * VEC, rounded[v]);
    }
}

INLINE void add_values(int n_vecs, struct block *block, const struct tile *tile)
{
    const struct product product = {
        .n_rows = tile->v_dim,
        .n_steps = round_up(tile->end - tile->begin, 2) / 2,
        .a = (const operand *)tile->v,
        .a_row = 1,
        .a_step = 2 * tile->v_stride,
        .b = (const operand *)tile->scores,
        .c = block->out,
        .scale = 1.0f,
        .ahead = tile->ahead,
    };
    micro_product(n_vecs, block->has_sums, &product);
    block->has_sums = true;
}

// p v, where p = 0 counts whatever v is.
INLINE vec weigh(vec p, float v)
{
    return vec_select(p == 0.0f, vec_set1(0.0f), p * v);
}

static void add_values_carefully(int n_vecs, struct block *block, const struct tile *tile)
{
    block_clear(block, tile->v_dim);
    for (u32 key = 0; key < tile->end - tile->begin; key += 2) {
        const float *pairs = tile->scores + (size_t)key / 2 * LANES;
        const operand *values = (const operand *)tile->v + key * tile->v_stride;
        for (u32 d = 0; d < tile->v_dim; d++) {
            float *out = block->out + (size_t)d * LANES;
            const float v0 = float_of_bits(values[d] << 16);
            const float v1 = float_of_bits(values[d] & 0xffff0000u);
            for (int v = 0; v < n_vecs; v++, out += VEC) {
                operands p = words_load(pairs + v * VEC);
                vec_store(out, vec_load(out) + weigh(first_of(p), v0) + weigh(second_of(p), v1));
            }
        }
    }
}

INLINE void weigh_values_as(int n_vecs, struct block *block, const struct tile *tile)
{
    exponentiate_pairs(n_vecs, block, tile);
    if (tile->is_finite)
        add_values(n_vecs, block, tile);
    else
        add_values_carefully(n_vecs, block, tile);
}

static void weigh_values(int n_vecs, struct block *block, const struct tile *tile)
{
    if (n_vecs == 1)
        weigh_values_as(1, block, tile);
    else if (n_vecs == 2)
        weigh_values_as(2, block, tile);
    else
        weigh_values_as(MICRO_VECS, block, tile);
}

const struct bf16_pairs gyre_cpu_bf16_pairs = {
    .load_queries = load_queries,
    .load_keys = load_keys,
    .load_values = load_values,
    .compute_scores = compute_scores,
    .weigh_values = weigh_values,
};
