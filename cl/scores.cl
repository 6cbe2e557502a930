// SPDX-License-Identifier: MIT
// Scores of every query and key, as a tiled matrix product:
//
//   s = scale * q.k     then for STAGE 1 capped, for STAGE 2 capped and masked
//
// groups: (ceil(kv_len / TILE_K), ceil(q_len / TILE_Q) (strided), heads * batch, heads innermost).
// Work-items form a grid of TX keys by TY queries, each owning MQ queries by MK keys.
#include "args/attention.h"
#include "keys.clh"

#define TX 16
#define TY (WG / TX)
#define MQ (TILE_Q / TY)
#define MK (TILE_K / TX)

// Elements of q and k that are staged at once, in float4, and the row of a stage.
#define CHUNK        8
#define CHUNK_STRIDE (CHUNK | 1)

// Elements [d, d + 4 * CHUNK) of n_rows rows from `row` on. Rows past the last, n - 1, repeat it.
#define DEFINE_STAGE(x, dtype, n_rows)                                                             \
    static inline void stage_##x(struct gyre_attention_args a, u32 batch, u32 row, u32 n,          \
                                 u32 head, u32 d, __global const TYPE(dtype) * x,                  \
                                 __local float *stage)                                             \
    {                                                                                              \
        for (u32 e = get_local_id(0); e < n_rows * 4 * CHUNK; e += WG) {                           \
            const u32 r = e / (4 * CHUNK), at = d + e % (4 * CHUNK);                               \
            const u32 begin = ROW(a, x, batch, min(row + r, n - 1), head);                         \
            stage[r * 4 * CHUNK_STRIDE + e % (4 * CHUNK)] =                                        \
                at < a.head_dim ? LOAD(dtype)(x, begin + at) : 0.0f;                               \
        }                                                                                          \
    }

DEFINE_STAGE(q, Q_DTYPE, TILE_Q)
DEFINE_STAGE(k, K_DTYPE, TILE_K)

static inline void add_products(__local const float4 *q, __local const float4 *k, float s[MQ][MK])
{
    for (u32 x = 0; x < CHUNK; x++) {
#pragma unroll
        for (i32 i = 0; i < MQ; i++) {
            const float4 qx = q[i * CHUNK_STRIDE + x];
#pragma unroll
            for (i32 j = 0; j < MK; j++) {
                const float4 kx = k[j * TX * CHUNK_STRIDE + x];
                s[i][j] += qx.x * kx.x + qx.y * kx.y + qx.z * kx.z + qx.w * kx.w;
            }
        }
    }
}

// A head of a sequence, whose scores a group computes.
struct plane {
    u32 batch, head;
    struct sequence sequence;
    float slope;
};

// What the STAGE says of a raw dot product; mask[begin] is the query's element for key 0.
static inline float finish(struct gyre_attention_args a, float dot, struct keys seen, float slope,
                           u32 key, __global const TYPE(MASK_DTYPE) * mask, u32 begin)
{
    float score = dot * a.scale;
    if (STAGE > 0 && a.softcap > 0.0f)
        score = capped(score, a.softcap);
    if (STAGE > 1)
        score = masked(score, seen, slope, key, mask, begin);
    return score;
}

// A work-item's scores: of MQ queries from `query0` on, and of MK keys from `key0` on, TX apart.
static inline void write_scores(struct gyre_attention_args a, struct plane p, u32 query0, u32 key0,
                                float s[MQ][MK], __global const TYPE(MASK_DTYPE) * mask,
                                __global TYPE(SCORES_DTYPE) * result)
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++)
#pragma unroll
        for (i32 j = 0; j < MK; j++) {
            const u32 query = query0 + i, key = key0 + j * TX;
            if (query >= a.q_len || key >= a.kv_len)
                continue;
            const struct keys seen = KEYS_SEEN(a, p.sequence, query);
            const u32 begin = ROW(a, mask, p.batch, p.head, query);
            const float score = finish(a, s[i][j], seen, p.slope, key, mask, begin);
            STORE(SCORES_DTYPE)(result, ROW(a, scores, p.batch, p.head, query) + key, score);
        }
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
scores(struct gyre_attention_args a,
       __global const TYPE(Q_DTYPE) * q,       // (batch, query, head, head_dim)
       __global const TYPE(K_DTYPE) * k,       // (batch, key, kv head, head_dim)
       __global const TYPE(MASK_DTYPE) * mask, // (batch, head, query, key)
       __global TYPE(SCORES_DTYPE) * result,   // (batch, head, query, key)
       __global const i32 *starts,             // (batch)
       __global const i32 *lens,               // (batch)
       __global const float *slopes)           // (head)
{
    __local float4 q_stage[TILE_Q * CHUNK_STRIDE];
    __local float4 k_stage[TILE_K * CHUNK_STRIDE];
    const u32 n_heads = a.n_kv_heads * a.group;
    const u32 batch = get_group_id(2) / n_heads, head = get_group_id(2) % n_heads;
    struct plane plane = {.batch = batch, .head = head, .slope = slope_of(a.extras, head, slopes)};
    FIND_SEQUENCE(a, batch, starts, lens, &plane.sequence);
    const u32 key0 = get_group_id(0) * TILE_K, step = get_num_groups(1) * TILE_Q;
    const u32 tx = get_local_id(0) % TX, ty = get_local_id(0) / TX * MQ;
    for (u32 query0 = get_group_id(1) * TILE_Q; query0 < a.q_len; query0 += step) {
        float s[MQ][MK] = {{0.0f}};
        for (u32 d = 0; d < a.head_dim; d += 4 * CHUNK) {
            barrier(CLK_LOCAL_MEM_FENCE); // others may still read the stage
            stage_q(a, batch, query0, a.q_len, head, d, q, (__local float *)q_stage);
            stage_k(a, batch, key0, a.kv_len, head / a.group, d, k, (__local float *)k_stage);
            barrier(CLK_LOCAL_MEM_FENCE);
            add_products(q_stage + ty * CHUNK_STRIDE, k_stage + tx * CHUNK_STRIDE, s);
        }
        write_scores(a, plane, query0 + ty, key0 + tx, s, mask, result);
    }
}
