// SPDX-License-Identifier: MIT
// Results of linear attention (formulas in args/linear_attention.h), for query i of a segment:
//
//   out_i = (S^T q' + sum_j (q' . k'_j) v_j) / (z . p(q_i) + sum_j p(q_i) . p(k_j))
//
// with q' = R p(q_i), k'_j = R p(k_j), S and z over the keys before the segment, or all if not
// CAUSAL, and j over those of the segment that i sees.
//
// groups: (row tiles * v tiles, v tiles innermost; kv heads; batch). A group owns TILE_Q packed
// rows and TILE_V columns of v; its work-items form a grid of TX keys or columns by TY rows, each
// owning MQ rows by MK keys of weights and MQ rows by NC columns of the result, TX apart. Features
// pass through local memory, CHUNK slots at a time; S and v are read from global memory.
#include "linear_features.clh"

#define TX 16
#define TY (WG / TX)
#define MQ (TILE_Q / TY)
#define MK (TILE_K / TX)
#define NC (TILE_V / TX)

// The row of a tile of weights, which takes the place of the features.
#define P_STRIDE (TILE_K | 1)

// Where tiles of features lie: plain ones, then turned ones.
#define K_TILE     (TILE_Q * STRIDE)
#define N_PLAIN    ((TILE_Q + (CAUSAL ? TILE_K : 0)) * STRIDE)
#define N_FEATURES (ROPE != 0 ? 2 * N_PLAIN : N_PLAIN)
#define N_WEIGHTS  (TILE_Q * P_STRIDE)
#define N_STAGE    (N_FEATURES > N_WEIGHTS ? N_FEATURES : N_WEIGHTS)

DEFINE_FEATURES(q_features, Q_DTYPE)
DEFINE_FEATURES(k_features, K_DTYPE)

// Local memory.
struct stage {
    __local float *plain, *turned;  // (TILE_Q, STRIDE) of q, then (TILE_K, STRIDE) of k
    __local float *p;               // (TILE_Q, P_STRIDE) weights, or other parts of a row
    __local u32 *q_begin, *q_query; // (TILE_Q) where a row's elements begin, and its query
};

// What every work-item of a group knows.
struct tile {
    u32 batch, kv_head;
    u32 row, column; // first row and column
    i32 begin;       // where its segment of queries begins among the keys
    u32 columns[NC]; // of this work-item; those past the last repeat it
    u32 tx, ty;
};

// The MQ rows of a work-item.
struct rows {
    float o[MQ][NC];
    float z[MQ]; // its part of the denominator
};

static inline u32 query_of(struct gyre_linear_attention_args a, u32 row)
{
    return min(row, a.q_len * a.group - 1u) / a.group;
}

static inline u32 head_of(struct gyre_linear_attention_args a, u32 kv_head, u32 row)
{
    return kv_head * a.group + min(row, a.q_len * a.group - 1u) % a.group;
}

// The first keys that a query sees.
static inline u32 keys_seen(struct gyre_linear_attention_args a, u32 query)
{
    const i32 end = (i32)query + a.shift + 1;
    return end <= 0 ? 0u : min((u32)end, a.kv_len);
}

static inline void init_tile(struct gyre_linear_attention_args a, struct tile *t)
{
    const u32 n_v_tiles = max((a.v_dim + TILE_V - 1) / TILE_V, 1u);
    t->batch = get_group_id(2);
    t->kv_head = get_group_id(1);
    t->row = get_group_id(0) / n_v_tiles * TILE_Q;
    t->column = get_group_id(0) % n_v_tiles * TILE_V;
    t->begin = (i32)(query_of(a, t->row) / a.segment * a.segment) + a.shift;
    t->tx = get_local_id(0) % TX;
    t->ty = get_local_id(0) / TX;
#pragma unroll
    for (i32 c = 0; c < NC; c++)
        t->columns[c] = min(t->column + t->tx + c * TX, a.v_dim - 1u);
}

// Filled in before the first barrier.
static inline void find_rows(struct gyre_linear_attention_args a, struct tile t, struct stage stage)
{
    for (u32 row = get_local_id(0); row < TILE_Q; row += WG) {
        const u32 query = query_of(a, t.row + row);
        stage.q_query[row] = query;
        stage.q_begin[row] = ROW(a, q, t.batch, query, head_of(a, t.kv_head, t.row + row));
    }
}

static inline void stage_queries(struct gyre_linear_attention_args a, u32 slot,
                                 __global const TYPE(Q_DTYPE) * q, __global const u32 *table,
                                 struct stage stage)
{
#pragma unroll 1
    for (u32 e = get_local_id(0); e < TILE_Q * CHUNK / 2; e += WG) {
        const u32 row = e / (CHUNK / 2), x = e % (CHUNK / 2) * 2;
        const float2 f = q_features(a, stage.q_begin[row], slot + x, q);
        vstore2(f, 0, stage.plain + row * STRIDE + x);
        if (ROPE != 0)
            vstore2(rotated(a, a.q_start + stage.q_query[row], slot + x, f, table), 0,
                    stage.turned + row * STRIDE + x);
    }
}

// Keys past the last repeat it.
static inline void stage_keys(struct gyre_linear_attention_args a, struct tile t, u32 key, u32 slot,
                              __global const TYPE(K_DTYPE) * k, __global const u32 *table,
                              struct stage stage)
{
#pragma unroll 1
    for (u32 e = get_local_id(0); e < TILE_K * CHUNK / 2; e += WG) {
        const u32 row = e / (CHUNK / 2), x = e % (CHUNK / 2) * 2;
        const u32 at = min(key + row, a.kv_len - 1u);
        const float2 f = k_features(a, ROW(a, k, t.batch, at, t.kv_head), slot + x, k);
        vstore2(f, 0, stage.plain + K_TILE + row * STRIDE + x);
        if (ROPE != 0)
            vstore2(rotated(a, a.k_start + at, slot + x, f, table), 0,
                    stage.turned + K_TILE + row * STRIDE + x);
    }
}

// --- sums over the keys before

// Elements [slot, slot + CHUNK) of q' and q, times their rows of S and z.
static inline void add_state(struct gyre_linear_attention_args a, struct tile t, u32 entry,
                             u32 slot, struct stage stage, __global const float *state,
                             __global const float *norm, struct rows *r)
{
    const u32 n = min(a.head_dim - slot, (u32)CHUNK);
#pragma unroll 2
    for (u32 x = 0; x < n; x++) {
        const u32 row = STATE_ROW(a.sums, t.batch, t.kv_head, entry, dim_of(a, slot + x));
        float s[NC];
#pragma unroll
        for (i32 c = 0; c < NC; c++)
            s[c] = state[row + t.columns[c]];
#pragma unroll
        for (i32 i = 0; i < MQ; i++) {
            const float f = stage.turned[(t.ty * MQ + i) * STRIDE + x];
#pragma unroll
            for (i32 c = 0; c < NC; c++)
                r->o[i][c] += f * s[c];
        }
    }
    if (t.tx < n) {
        const float z = norm[NORM_AT(a.sums, t.batch, t.kv_head, entry, dim_of(a, slot + t.tx))];
#pragma unroll
        for (i32 i = 0; i < MQ; i++)
            r->z[i] += stage.plain[(t.ty * MQ + i) * STRIDE + t.tx] * z;
    }
}

static inline void add_sums(struct gyre_linear_attention_args a, struct tile t,
                            __global const TYPE(Q_DTYPE) * q, __global const u32 *table,
                            __global const float *state, __global const float *norm,
                            struct stage stage, struct rows *r)
{
    const u32 entry = CAUSAL ? gyre_segment_entry(t.begin, a.segment, a.first, a.n_segments) : 0u;
#pragma unroll 1
    for (u32 slot = 0; slot < a.head_dim; slot += CHUNK) {
        barrier(CLK_LOCAL_MEM_FENCE); // others may still read the stage
        stage_queries(a, slot, q, table, stage);
        barrier(CLK_LOCAL_MEM_FENCE);
        add_state(a, t, entry, slot, stage, state, norm, r);
    }
}

// --- keys of the segment

// p[i][j] += q . k over tiles of features.
static inline void add_products(struct tile t, __local const float *features, float p[MQ][MK])
{
#pragma unroll 2
    for (u32 x = 0; x < CHUNK; x++) {
        float kx[MK];
#pragma unroll
        for (i32 j = 0; j < MK; j++)
            kx[j] = features[K_TILE + (t.tx + j * TX) * STRIDE + x];
#pragma unroll
        for (i32 i = 0; i < MQ; i++) {
            const float qx = features[(t.ty * MQ + i) * STRIDE + x];
#pragma unroll
            for (i32 j = 0; j < MK; j++)
                p[i][j] += qx * kx[j];
        }
    }
}

// Leaves the weights of keys [key, key + TILE_K) in p, 0 for those that a row does not see.
static inline void weigh_keys(struct gyre_linear_attention_args a, struct tile t, u32 key,
                              __global const TYPE(Q_DTYPE) * q, __global const TYPE(K_DTYPE) * k,
                              __global const u32 *table, struct stage stage, struct rows *r)
{
    float w[MQ][MK] = {{0.0f}}, d[MQ][MK] = {{0.0f}};
#pragma unroll 1
    for (u32 slot = 0; slot < a.head_dim; slot += CHUNK) {
        barrier(CLK_LOCAL_MEM_FENCE); // others may still read the stage, or p
        stage_queries(a, slot, q, table, stage);
        stage_keys(a, t, key, slot, k, table, stage);
        barrier(CLK_LOCAL_MEM_FENCE);
        add_products(t, stage.turned, w);
        if (ROPE != 0)
            add_products(t, stage.plain, d);
    }
    barrier(CLK_LOCAL_MEM_FENCE); // p takes the place of the stage
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        const u32 row = t.ty * MQ + i, end = keys_seen(a, stage.q_query[row]);
#pragma unroll
        for (i32 j = 0; j < MK; j++) {
            const u32 at = t.tx + j * TX;
            const bool is_seen = key + at < end;
            stage.p[row * P_STRIDE + at] = is_seen ? w[i][j] : 0.0f;
            r->z[i] += is_seen ? (ROPE != 0 ? d[i][j] : w[i][j]) : 0.0f;
        }
    }
}

// Adds weighted values. A value that is not seen must not even meet a zero.
static inline void add_values(struct gyre_linear_attention_args a, struct tile t, u32 key,
                              bool is_whole, __global const TYPE(V_DTYPE) * v,
                              __local const float *p, struct rows *r)
{
#pragma unroll 1
    for (u32 x = 0; x < TILE_K; x++) {
        const u32 begin = ROW(a, v, t.batch, min(key + x, a.kv_len - 1u), t.kv_head);
        float value[NC];
#pragma unroll
        for (i32 c = 0; c < NC; c++)
            value[c] = LOAD(V_DTYPE)(v, begin + t.columns[c]);
#pragma unroll
        for (i32 i = 0; i < MQ; i++) {
            const float weight = p[(t.ty * MQ + i) * P_STRIDE + x];
#pragma unroll
            for (i32 c = 0; c < NC; c++)
                r->o[i][c] += weight * (is_whole || weight != 0.0f ? value[c] : 0.0f);
        }
    }
}

static inline void add_segment(struct gyre_linear_attention_args a, struct tile t,
                               __global const TYPE(Q_DTYPE) * q, __global const TYPE(K_DTYPE) * k,
                               __global const TYPE(V_DTYPE) * v, __global const u32 *table,
                               struct stage stage, struct rows *r)
{
    const u32 all = keys_seen(a, query_of(a, t.row));
    const u32 end = keys_seen(a, query_of(a, t.row + TILE_Q - 1u));
    for (u32 key = t.begin < 0 ? 0u : (u32)t.begin; key < end; key += TILE_K) {
        weigh_keys(a, t, key, q, k, table, stage, r);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (key + TILE_K <= all)
            add_values(a, t, key, true, v, stage.p, r);
        else
            add_values(a, t, key, false, v, stage.p, r);
    }
}

// --- results

static inline bool sees_any(struct gyre_linear_attention_args a, u32 query)
{
    return a.has_past != 0u || (CAUSAL ? keys_seen(a, query) : a.kv_len) != 0u;
}

static inline void write_rows(struct gyre_linear_attention_args a, struct tile t,
                              const struct rows *r, __local float *part,
                              __global TYPE(OUT_DTYPE) * out)
{
    barrier(CLK_LOCAL_MEM_FENCE); // others may still read the stage, or p
#pragma unroll
    for (i32 i = 0; i < MQ; i++)
        part[(t.ty * MQ + i) * P_STRIDE + t.tx] = r->z[i];
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        const u32 row = t.row + t.ty * MQ + i, query = query_of(a, row);
        float z = 0.0f;
        for (u32 x = 0; x < TX; x++)
            z += part[(t.ty * MQ + i) * P_STRIDE + x];
        if (row >= a.q_len * a.group)
            continue;
        const u32 begin = ROW(a, out, t.batch, query, head_of(a, t.kv_head, row));
        const bool is_nothing = fabs(z) < FLT_MIN || !sees_any(a, query);
#pragma unroll
        for (i32 c = 0; c < NC; c++)
            if (t.column + t.tx + c * TX < a.v_dim)
                STORE(OUT_DTYPE)(out, begin + t.columns[c], is_nothing ? 0.0f : r->o[i][c] / z);
    }
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
linear_attention(struct gyre_linear_attention_args a,
                 __global const TYPE(Q_DTYPE) * q, // (batch, query, head, head_dim)
                 __global const TYPE(K_DTYPE) * k, // (batch, key, kv head, head_dim)
                 __global const TYPE(V_DTYPE) * v, // (batch, key, kv head, v_dim)
                 __global const u32 *table,        // (n_pairs, 2) turns
                 __global const float *state,      // (batch, kv head, entry, head_dim, v_dim)
                 __global const float *norm,       // (batch, kv head, entry, head_dim)
                 __global TYPE(OUT_DTYPE) * out)   // (batch, query, head, v_dim)
{
    __local float tiles[N_STAGE];
    __local u32 q_begin[TILE_Q], q_query[TILE_Q];
    const struct stage stage = {tiles, tiles + (ROPE != 0 ? N_PLAIN : 0), tiles, q_begin, q_query};
    struct tile t;
    struct rows r = {{{0.0f}}, {0.0f}};
    init_tile(a, &t);
    find_rows(a, t, stage);
    if (a.has_sums != 0u)
        add_sums(a, t, q, table, state, norm, stage, &r);
    if (CAUSAL)
        add_segment(a, t, q, k, v, table, stage, &r);
    write_rows(a, t, &r, stage.p, out);
}
