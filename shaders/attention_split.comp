// SPDX-License-Identifier: MIT
// Attention of few query rows over one range of keys: for every row, over blocks of TILE_K keys,
//
//   s = masked(capped(scale q.k))   m' = max(m, max s)   p = exp(s - m')
//   l = l exp(m - m') + sum p       acc = acc exp(m - m') + p v
//
// and acc, m and l are left for attention_combine. Every key and value is read once, for all rows.
//
// groups: (splits * v tiles, kv heads * row tiles, batch), v tiles and row tiles innermost. A group
// owns TILE_Q packed rows and V_TILE columns of v, and its work-items take three shapes:
//   products   LX share a key, each taking every LX-th vec4 of it, with MK keys each
//   softmax    one row and four neighbouring keys each, so TILE_Q * TILE_K is 4 WG
//   values     NC columns of v each, WG apart
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/attention.h"

layout(constant_id = 1) const uint TILE_Q = 8;
layout(constant_id = 2) const uint TILE_K = 32;
layout(constant_id = 3) const uint HEAD_DIM = 64;
layout(constant_id = 4) const uint V_TILE = 64;

ARGS(gyre_attention_args);
BUFFER(0, restrict readonly, Q, TYPE(Q_DTYPE), q);          // (batch, query, head, head_dim)
BUFFER(1, restrict readonly, K, TYPE(K_DTYPE), k);          // (batch, key, kv head, head_dim)
BUFFER(2, restrict readonly, V, TYPE(V_DTYPE), v);          // (batch, key, kv head, v_dim)
BUFFER(3, restrict readonly, Mask, TYPE(MASK_DTYPE), mask); // (batch, head, query, key)
BUFFER(4, restrict writeonly, Partial, float, partial);     // acc (R, v_dim), then m and l (R, 2)
BUFFER(5, restrict readonly, Starts, int, starts);          // (batch)
BUFFER(6, restrict readonly, Lens, int, lens);              // (batch)
BUFFER(7, restrict readonly, Slopes, float, slopes);        // (head)

#include "keys.glsl"
#include "packed_rows.glsl"

const uint LX = 4;
const uint LY = WG / LX;
const uint MK = TILE_K / LY;
const uint NC = (V_TILE + WG - 1) / WG;
const uint ROW_LANES = TILE_K / 4; // work-items of a row in softmax

// Elements of q that are staged at once, of every row.
const uint CHUNK = HEAD_DIM > 128 ? 128 : (HEAD_DIM + 3) / 4 * 4;
shared vec4 q_stage[TILE_Q * CHUNK / 4];
shared vec4 part[TILE_Q * TILE_K * LX / 4]; // (TILE_Q, TILE_K, LX) shares of the dot products
shared vec4 p_tile[TILE_Q * TILE_K / 4];    // (TILE_Q, TILE_K)
shared float reduced[TILE_Q * ROW_LANES];   // what each work-item of a row brings to a reduction
shared float factors[TILE_Q];               // exp(m - m')

// The tile of this group and the place of this work-item in it.
uint lane, batch, kv_head, split, first_row, first_column;
uint my_row, my_keys; // in softmax

float m, l;             // of my_row; l: over this work-item's keys only
float acc[TILE_Q][NC];

void find_tile()
{
    uint n_v_tiles = max((a.v_dim + V_TILE - 1) / V_TILE, 1u);
    uint n_row_tiles = (n_rows() + TILE_Q - 1) / TILE_Q;
    lane = gl_LocalInvocationIndex;
    batch = gl_WorkGroupID.z;
    kv_head = gl_WorkGroupID.y / n_row_tiles;
    split = gl_WorkGroupID.x / n_v_tiles;
    first_row = gl_WorkGroupID.y % n_row_tiles * TILE_Q;
    first_column = gl_WorkGroupID.x % n_v_tiles * V_TILE;
    my_row = lane / ROW_LANES;
    my_keys = lane % ROW_LANES * 4;
}

void init_rows()
{
    m = NEG_INF;
    l = 0.0;
    [[unroll]] for (uint i = 0; i < TILE_Q; i++)
        [[unroll]] for (uint c = 0; c < NC; c++)
            acc[i][c] = 0.0;
}

// Elements [d, d + CHUNK) of the rows.
void stage_q(uint d)
{
    for (uint e = lane; e < TILE_Q * CHUNK; e += WG) {
        uint row = first_row + e / CHUNK, at = d + e % CHUNK;
        uint begin = ROW(q, batch, query_of(row), head_of(kv_head, row));
        q_stage[e / 4][e % 4] = at < HEAD_DIM ? LOAD(Q_DTYPE, q, begin + at) : 0.0;
    }
    barrier();
}

// Elements [d, d + 4) of a key that begins at `begin`; zeros past its end.
vec4 load_k(uint begin, uint d)
{
    vec4 x;
    [[unroll]] for (uint u = 0; u < 4; u++)
        x[u] = HEAD_DIM % 4 == 0 || d + u < HEAD_DIM ? LOAD(K_DTYPE, k, begin + d + u) : 0.0;
    return x;
}

void add_products(inout float s[TILE_Q][MK], uint k_begin[MK], uint chunk)
{
    [[dont_unroll]] for (uint d = lane % LX * 4; d < min(CHUNK, HEAD_DIM - chunk); d += LX * 4) {
        vec4 kx[MK];
        [[unroll]] for (uint j = 0; j < MK; j++)
            kx[j] = load_k(k_begin[j], chunk + d);
        [[unroll]] for (uint i = 0; i < TILE_Q; i++) {
            vec4 qx = q_stage[(i * CHUNK + d) / 4];
            [[unroll]] for (uint j = 0; j < MK; j++)
                s[i][j] += qx.x * kx[j].x + qx.y * kx[j].y + qx.z * kx[j].z + qx.w * kx[j].w;
        }
    }
}

// Leaves every work-item's share of the dot products in part.
void partial_products(uint key)
{
    uint k_begin[MK];
    float s[TILE_Q][MK];
    [[unroll]] for (uint j = 0; j < MK; j++) {
        k_begin[j] = ROW(k, batch, min(key + lane / LX + j * LY, a.kv_len - 1), kv_head);
        [[unroll]] for (uint i = 0; i < TILE_Q; i++)
            s[i][j] = 0.0;
    }
    for (uint chunk = 0; chunk < HEAD_DIM; chunk += CHUNK) {
        if (HEAD_DIM > CHUNK)
            stage_q(chunk);
        add_products(s, k_begin, chunk);
        if (HEAD_DIM > CHUNK)
            barrier(); // the stage may be written again
    }
    [[unroll]] for (uint i = 0; i < TILE_Q; i++)
        [[unroll]] for (uint j = 0; j < MK; j++) {
            uint at = (i * TILE_K + j * LY) * LX + lane;
            part[at / 4][at % 4] = s[i][j];
        }
    barrier();
}

float dot_product(uint key)
{
    uint at = (my_row * TILE_K + key) * (LX / 4);
    vec4 sum = part[at];
    return (sum.x + sum.y) + (sum.z + sum.w);
}

// What softmax sees of my row and keys.
vec4 finished_scores(uint key, bool is_whole)
{
    uint query = query_of(first_row + my_row), head = head_of(kv_head, first_row + my_row);
    keys seen = keys_of(query);
    vec4 s;
    [[unroll]] for (uint u = 0; u < 4; u++) {
        uint at = key + my_keys + u;
        s[u] = biased(capped(dot_product(my_keys + u) * a.scale), head, query, at);
        s[u] = is_whole ? s[u] : masked(s[u], seen, at, ROW(mask, batch, head, query) + at);
    }
    return s;
}

// Moves my row to its new maximum and writes the weights of my keys.
void update_row(vec4 s)
{
    reduced[lane] = max(max(s.x, s.y), max(s.z, s.w));
    barrier();
    float most = m;
    [[unroll]] for (uint i = 0; i < ROW_LANES; i++)
        most = max(most, reduced[my_row * ROW_LANES + i]);
    float shift = shift_of(most), factor = exp_neg(m - shift);
    vec4 p = vec4(exp_neg(s.x - shift), exp_neg(s.y - shift), exp_neg(s.z - shift),
                  exp_neg(s.w - shift));
    m = most;
    l = l * factor + (p.x + p.y) + (p.z + p.w);
    p_tile[lane] = p;
    if (my_keys == 0u)
        factors[my_row] = factor;
    barrier();
}

void scale_values()
{
    [[unroll]] for (uint i = 0; i < TILE_Q; i++)
        [[unroll]] for (uint c = 0; c < NC; c++)
            acc[i][c] *= factors[i];
}

// Adds four keys' values, weighted. A hidden key's value must not even meet a zero.
void add_values(uint key, uint first, bool is_whole)
{
    vec4 vx[NC];
    [[unroll]] for (uint u = 0; u < 4; u++) {
        uint begin = ROW(v, batch, min(key + first + u, a.kv_len - 1), kv_head);
        [[unroll]] for (uint c = 0; c < NC; c++)
            vx[c][u] = LOAD(V_DTYPE, v, begin + min(first_column + lane + c * WG, a.v_dim - 1));
    }
    [[unroll]] for (uint i = 0; i < TILE_Q; i++) {
        vec4 p = p_tile[(i * TILE_K + first) / 4];
        [[unroll]] for (uint c = 0; c < NC; c++)
            [[unroll]] for (uint u = 0; u < 4; u++)
                acc[i][c] += p[u] * (is_whole || p[u] != 0.0 ? vx[c][u] : 0.0);
    }
}

void weighted_values(uint key, bool is_whole)
{
    [[dont_unroll]] for (uint x = 0; x < TILE_K; x += 4)
        add_values(key, x, is_whole);
}

void write_values(uint result)
{
    [[unroll]] for (uint i = 0; i < TILE_Q; i++)
        [[unroll]] for (uint c = 0; c < NC; c++) {
            uint x = lane + c * WG, column = first_column + x;
            if (first_row + i < n_rows() && x < V_TILE && column < a.v_dim)
                partial[(result + i) * a.v_dim + column] = acc[i][c];
        }
}

void write_sum(uint result)
{
    float sum = 0.0;
    [[unroll]] for (uint i = 0; i < ROW_LANES; i++)
        sum += reduced[my_row * ROW_LANES + i];
    if (my_keys != 0u || first_row + my_row >= n_rows() || first_column != 0u)
        return;
    uint n_results = a.n_batch * a.n_kv_heads * a.n_splits * n_rows();
    uint at = n_results * a.v_dim + (result + my_row) * 2;
    partial[at] = m;
    partial[at + 1] = sum;
}

void main()
{
    find_tile();
    find_sequence(batch);
    init_rows();
    keys first = keys_of_row(first_row), last = keys_of_row(first_row + TILE_Q - 1);
    uint begin = split * a.keys_per_split;
    uint end = min(keys_end(last), begin + a.keys_per_split);
    if (HEAD_DIM <= CHUNK)
        stage_q(0);
    for (uint key = next_block(first, last, begin, TILE_K); key < end;
         key = next_block(first, last, key + TILE_K, TILE_K)) {
        bool is_whole = MASK_DTYPE == DTYPE_NONE && is_block_seen(first, key, TILE_K) &&
                        is_block_seen(last, key, TILE_K);
        partial_products(key);
        update_row(finished_scores(key, is_whole));
        if (a.has_out == 0u)
            continue;
        scale_values();
        if (is_whole)
            weighted_values(key, true);
        else
            weighted_values(key, false);
    }
    reduced[lane] = l;
    barrier();
    uint result = ((batch * a.n_kv_heads + kv_head) * a.n_splits + split) * n_rows() + first_row;
    write_values(result);
    write_sum(result);
}
