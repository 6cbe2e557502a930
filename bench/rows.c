// SPDX-License-Identifier: MIT
#include "rows.h"

enum { QUICK = ROW_QUICK, SOFTWARE = ROW_SOFTWARE };

#define ROPE(limit_, sets_, label, dtypes_, tokens, heads, pairing_, ...)                          \
    {                                                                                              \
        .limit = limit_, .sets = sets_, .rope = {                                                  \
            label,                                                                                 \
            dtypes_,                                                                               \
            .n_tokens = tokens,                                                                    \
            .n_heads = heads,                                                                      \
            .head_dim = 128,                                                                       \
            .pairing = pairing_,                                                                   \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

// Causal, 32 query heads on 8 KV heads, the last query at the last key. Of many queries only each
// `step`-th is compared.
#define ATTENTION(limit_, sets_, label, dtypes_, queries, keys, dim, ...)                          \
    {                                                                                              \
        .limit = limit_, .sets = sets_, .attention = {                                             \
            label,                                                                                 \
            dtypes_,                                                                               \
            .q_len = queries,                                                                      \
            .kv_len = keys,                                                                        \
            .n_heads = 32,                                                                         \
            .n_kv_heads = 8,                                                                       \
            .head_dim = dim,                                                                       \
            .is_causal = true,                                                                     \
            .align = GYRE_ALIGN_END,                                                               \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define PREFILL(limit_, sets_, label, dtypes_, tokens, dim, step)                                  \
    ATTENTION(limit_, sets_, label, dtypes_, tokens, tokens, dim, .check_step = step)
#define DECODE(sets_, label, dtypes_, keys, dim)                                                   \
    ATTENTION(LIMIT_COLD_READ, sets_, label, dtypes_, 1, keys, dim, .check_step = 1)
#define SPECULATE(label, queries)                                                                  \
    ATTENTION(LIMIT_FMA, 0, label, CASE_ALL, queries, 4096, 128, .check_step = 1)

// Of f32, as a kernel that splits keys leaves them; stored as the dtypes say.
#define MERGE(sets_, label, dtypes_, queries, parts)                                               \
    {                                                                                              \
        .limit = LIMIT_READ, .sets = sets_, .merge = {                                             \
            label,                                                                                 \
            dtypes_,                                                                               \
            .has_f32_parts = true,                                                                 \
            .n_parts = parts,                                                                      \
            .q_len = queries,                                                                      \
            .n_heads = 32,                                                                         \
            .v_dim = 128                                                                           \
        }                                                                                          \
    }

// Linear attention with RoPE, causal, as many heads; of a prompt, and of a token whose sums are
// read and written in place.
#define LINEAR(limit_, sets_, label, dtypes_, tokens, dim, ...)                                    \
    {                                                                                              \
        .limit = limit_, .sets = sets_, .linear = {                                                \
            label,                                                                                 \
            dtypes_,                                                                               \
            .q_len = tokens,                                                                       \
            .kv_len = tokens,                                                                      \
            .n_heads = 32,                                                                         \
            .n_kv_heads = 8,                                                                       \
            .head_dim = dim,                                                                       \
            .has_rope = true,                                                                      \
            .is_causal = true,                                                                     \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define SUMS_IN_PLACE .has_past = true, .has_state = true, .is_in_place = true

const struct bench_row bench_rows[] = {
    ROPE(LIMIT_COPY, QUICK, "half_512", CASE_ALL, 512, 32, GYRE_ROPE_HALF, 0),
    ROPE(LIMIT_COPY, QUICK, "interleaved_512", CASE_ALL, 512, 32, GYRE_ROPE_INTERLEAVED, 0),
    ROPE(LIMIT_COPY, 0, "half_512_q_and_k", CASE_F32 | CASE_F16, 512, 32, GYRE_ROPE_HALF,
         .n_k_heads = 8),
    ROPE(LIMIT_SCALE, 0, "half_512_in_place", CASE_F32 | CASE_F16, 512, 32, GYRE_ROPE_HALF,
         .is_in_place = true),
    ROPE(LIMIT_SCALE, 0, "interleaved_512_in_place", CASE_F32 | CASE_F16, 512, 32,
         GYRE_ROPE_INTERLEAVED, .is_in_place = true),
    ROPE(LIMIT_COLD_COPY, 0, "half_4096", CASE_F32 | CASE_F16, 4096, 32, GYRE_ROPE_HALF, 0),
    ROPE(LIMIT_COLD_COPY, 0, "interleaved_4096", CASE_F32 | CASE_F16, 4096, 32,
         GYRE_ROPE_INTERLEAVED, 0),
    ROPE(LIMIT_COLD_SCALE, 0, "half_4096_in_place", CASE_F32 | CASE_F16, 4096, 32, GYRE_ROPE_HALF,
         .is_in_place = true),
    ROPE(LIMIT_COLD_SCALE, 0, "interleaved_4096_in_place", CASE_F32 | CASE_F16, 4096, 32,
         GYRE_ROPE_INTERLEAVED, .is_in_place = true),
    // What a call costs, and what the angles of 512 tokens do.
    ROPE(LIMIT_COPY, 0, "half_512_1_head", CASE_F32, 512, 1, GYRE_ROPE_HALF, 0),
    ROPE(LIMIT_COPY, 0, "half_1", CASE_F32 | CASE_F16, 1, 32, GYRE_ROPE_HALF, 0),
    ROPE(LIMIT_COPY, 0, "interleaved_1", CASE_F32 | CASE_F16, 1, 32, GYRE_ROPE_INTERLEAVED, 0),
    ROPE(LIMIT_COPY, SOFTWARE, "half_64", CASE_F32 | CASE_F16, 64, 32, GYRE_ROPE_HALF, 0),

    PREFILL(LIMIT_FMA, QUICK, "prefill_512_d128", CASE_ALL, 512, 128, 16),
    PREFILL(LIMIT_FMA, 0, "prefill_512_d64", CASE_ALL, 512, 64, 16),
    PREFILL(LIMIT_FMA, 0, "prefill_2048_d128", CASE_ALL, 2048, 128, 128),
    PREFILL(LIMIT_FMA, 0, "prefill_2048_d64", CASE_ALL, 2048, 64, 128),
    ATTENTION(LIMIT_FMA, 0, "window_256_of_8192_d128", CASE_F32, 8192, 8192, 128,
              .window_left = 256, .check_step = 512),
    ATTENTION(LIMIT_FMA, 0, "window_256_of_8192_d64", CASE_F32, 8192, 8192, 64, .window_left = 256,
              .check_step = 512),
    PREFILL(LIMIT_FMA, SOFTWARE, "prefill_64_d128", CASE_F32 | CASE_F16, 64, 128, 4),

    PREFILL(LIMIT_BF16_DOT, 0, "prefill_512_d64", CASE_BF16_DOTS, 512, 64, 16),
    PREFILL(LIMIT_BF16_DOT, QUICK, "prefill_512_d128", CASE_BF16_DOTS, 512, 128, 16),
    PREFILL(LIMIT_BF16_DOT, 0, "prefill_2048_d64", CASE_BF16_DOTS, 2048, 64, 128),
    PREFILL(LIMIT_BF16_DOT, 0, "prefill_2048_d128", CASE_BF16_DOTS, 2048, 128, 128),

    DECODE(QUICK, "decode_4096_d128", CASE_ALL, 4096, 128),
    DECODE(0, "decode_4096_d64", CASE_F16, 4096, 64),
    DECODE(0, "decode_1024_d128", CASE_F16, 1024, 128),
    DECODE(0, "decode_16384_d128", CASE_ALL, 16384, 128),
    SPECULATE("speculate_4_4096_d128", 4),
    SPECULATE("speculate_8_4096_d128", 8),
    DECODE(SOFTWARE, "decode_512_d128", CASE_F32 | CASE_F16, 512, 128),

    MERGE(0, "prefill_512_4_parts", CASE_F32 | CASE_F16, 512, 4),
    MERGE(0, "prefill_512_16_parts", CASE_F16, 512, 16),
    MERGE(0, "decode_16_parts", CASE_F16, 1, 16),
    MERGE(SOFTWARE, "prefill_64_4_parts", CASE_F32 | CASE_F16, 64, 4),

    LINEAR(LIMIT_FMA, 0, "prefill_2048_d64", CASE_F32 | CASE_F16, 2048, 64, .check_step = 128),
    LINEAR(LIMIT_FMA, 0, "prefill_2048_d128", CASE_F32 | CASE_F16, 2048, 128, .check_step = 256),
    LINEAR(LIMIT_FMA, SOFTWARE, "prefill_64_d128", CASE_F32, 64, 128, .check_step = 4),
    LINEAR(LIMIT_SCALE, 0, "decode_d128", CASE_F32 | CASE_F16, 1, 128, SUMS_IN_PLACE),
    {.rope = {.name = NULL}},
};

const char *bench_row_op(const struct bench_row *row)
{
    const struct case_operator *op = row->rope.name != NULL        ? &rope_operator
                                     : row->attention.name != NULL ? &attention_operator
                                     : row->merge.name != NULL     ? &attention_merge_operator
                                                                   : &linear_operator;
    return op->name;
}

const char *bench_row_name(const struct bench_row *row)
{
    return row->rope.name != NULL        ? row->rope.name
           : row->attention.name != NULL ? row->attention.name
           : row->merge.name != NULL     ? row->merge.name
                                         : row->linear.name;
}

unsigned bench_row_dtypes(const struct bench_row *row)
{
    unsigned bits =
        row->rope.dtypes | row->attention.dtypes | row->merge.dtypes | row->linear.dtypes;
    return bits != 0 ? bits : CASE_F32;
}

// Every row is read once and written once.
static struct cost rope_cost(const struct rope_case *row, const struct case_dtypes *dtypes)
{
    double n = (double)row->n_tokens * (row->n_heads + row->n_k_heads) * row->head_dim;
    return (struct cost){.bytes = 2 * n * (double)gyre_dtype_size(dtypes->q)};
}

// (query, key) pairs of one head that causality and a window keep.
static double count_pairs(const struct attention_case *row)
{
    int64_t start = row->align == GYRE_ALIGN_END ? (int64_t)row->kv_len - row->q_len : 0;
    double pairs = 0;
    for (int64_t i = 0; i < row->q_len; i++) {
        int64_t seen = row->is_causal ? start + i + 1 : row->kv_len;
        if (row->window_left != 0 && seen > row->window_left)
            seen = row->window_left;
        pairs += (double)(seen < row->kv_len ? seen : row->kv_len);
    }
    return pairs;
}

// A multiplication and an addition per element of the key, and per element of the value. Keys and
// values are read once.
static struct cost attention_cost(const struct attention_case *row,
                                  const struct case_dtypes *dtypes)
{
    double keys = (double)row->kv_len * row->n_kv_heads * row->head_dim;
    return (struct cost){
        .bytes = keys * (double)(gyre_dtype_size(dtypes->k) + gyre_dtype_size(dtypes->v)),
        .flops = 4 * count_pairs(row) * row->n_heads * row->head_dim,
    };
}

// Every part and its LSE is read once, and the result is written.
static struct cost merge_cost(const struct attention_merge_case *row,
                              const struct case_dtypes *dtypes)
{
    double n_rows = (double)row->q_len * row->n_heads;
    double part = sizeof(float) * ((double)row->v_dim + 1);
    double result = (double)gyre_dtype_size(dtypes->out) * row->v_dim;
    return (struct cost){.bytes = n_rows * (row->n_parts * part + result)};
}

// A multiplication and an addition per element of the sums, for every key and for every query; and
// the sums themselves.
static struct cost linear_cost(const struct linear_case *row)
{
    double element = (double)row->head_dim * row->head_dim;
    double per_query = element * row->n_heads * row->q_len;
    double per_key = element * row->n_kv_heads * row->kv_len;
    return (struct cost){
        .bytes = 2 * element * row->n_kv_heads * sizeof(float),
        .flops = 2 * (per_query + per_key),
    };
}

struct cost bench_row_cost(const struct bench_row *row, const struct case_dtypes *dtypes)
{
    if (row->linear.name != NULL)
        return linear_cost(&row->linear);
    if (row->merge.name != NULL)
        return merge_cost(&row->merge, dtypes);
    return row->rope.name != NULL ? rope_cost(&row->rope, dtypes)
                                  : attention_cost(&row->attention, dtypes);
}

bool limit_is_flops(enum limit limit)
{
    return limit == LIMIT_FMA || limit == LIMIT_BF16_DOT;
}

bool limit_is_read(enum limit limit)
{
    return limit == LIMIT_READ || limit == LIMIT_COLD_READ;
}

bool limit_is_cold(enum limit limit)
{
    return limit == LIMIT_COLD_COPY || limit == LIMIT_COLD_SCALE || limit == LIMIT_COLD_READ;
}

const char *limit_name(enum limit limit)
{
    static const char *const names[N_LIMITS] = {
        [LIMIT_COPY] = "copy",
        [LIMIT_SCALE] = "scale in place",
        [LIMIT_COLD_COPY] = "cold copy",
        [LIMIT_COLD_SCALE] = "cold scale in place",
        [LIMIT_READ] = "read",
        [LIMIT_COLD_READ] = "cold read",
        [LIMIT_FMA] = "fma",
        [LIMIT_BF16_DOT] = "bf16 dot",
    };
    return names[limit];
}
