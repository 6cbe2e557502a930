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
//   products   LX share a key, each taking every LX-th four or pair of it, with MK keys each
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
#define FIRST_EXTRA 5
#include "extras.glsl"

#include "sequence.glsl"
#include "block_positions.glsl"
#include "keys.glsl"
#include "score.glsl"
#include "walk.glsl"
#include "packed_rows.glsl"
#include "partial.glsl"
#include "tile_rows.glsl"
#include "heads.glsl"

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
shared float row_part[TILE_Q * ROW_LANES];   // what each work-item of a row brings to a reduction
shared float factors[TILE_Q];               // exp(m - m')

// The tile of this group and the place of this work-item in it.
uint lane, kv_head, split, first_row, first_column;
uint my_row, my_keys; // in softmax

float m, l;             // of my_row; l: over this work-item's keys only
float acc[TILE_Q][NC];

void find_tile()
{
    uint n_v_tiles = max((a.v_dim + V_TILE - 1) / V_TILE, 1u);
    uint n_row_tiles = (most_rows() + TILE_Q - 1) / TILE_Q;
    lane = gl_LocalInvocationIndex;
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
    UNROLL(i, TILE_Q)
        UNROLL(c, NC)
            acc[i][c] = 0.0;
}

// stage_q: elements [d, d + CHUNK) of the rows. staged_q: WIDTH of them. load_k: elements
// [d, d + WIDTH) of a key, zeros past its end, which turned_k may still turn: that takes registers,
// so it comes when all are loaded, and for no more than a pair.
#if IS_REORDERED
#define WIDTH    2
#define elements vec2

void stage_q(uint d)
{
    for (uint e = 2 * lane; e < TILE_Q * CHUNK; e += 2 * WG) {
        uint row = e / CHUNK;
        vec2 pair = q_pair(q_place(row_query[row], row_head[row]), d + e % CHUNK);
        q_stage[e / 4][e % 4] = pair.x;
        q_stage[e / 4][e % 4 + 1] = pair.y;
    }
    barrier();
}

elements load_k(head_place key, uint d)
{
    return stored_k_pair(key, d);
}

elements turned_k(elements x, head_place key, uint d)
{
    return turned_k_pair(x, key, d);
}

elements staged_q(uint at)
{
    return vec2(q_stage[at / 4][at % 4], q_stage[at / 4][at % 4 + 1]);
}

float product(elements x, elements y)
{
    return x.x * y.x + x.y * y.y;
}
#else
#define WIDTH    4
#define elements vec4

void stage_q(uint d)
{
    for (uint e = lane; e < TILE_Q * CHUNK; e += WG) {
        uint row = e / CHUNK, at = d + e % CHUNK;
        uint begin = q_place(row_query[row], row_head[row]);
        q_stage[e / 4][e % 4] = at < HEAD_DIM ? LOAD(Q_DTYPE, q, begin + at) : 0.0;
    }
    barrier();
}

elements load_k(head_place key, uint d)
{
    elements x;
    UNROLL(u, 4)
        x[u] = HEAD_DIM % 4 == 0 || d + u < HEAD_DIM ? LOAD(K_DTYPE, k, key + d + u) : 0.0;
    return x;
}

elements turned_k(elements x, head_place key, uint d)
{
    return x;
}

elements staged_q(uint at)
{
    return q_stage[at / 4];
}

float product(elements x, elements y)
{
    return x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
}
#endif

void add_products(inout float s[TILE_Q][MK], head_place keys_at[MK], uint chunk)
{
    const uint step = LX * WIDTH;
    [[dont_unroll]] for (uint d = lane % LX * WIDTH; d < min(CHUNK, HEAD_DIM - chunk); d += step) {
        elements kx[MK];
        UNROLL(j, MK)
            kx[j] = load_k(keys_at[j], chunk + d);
        UNROLL(j, MK)
            kx[j] = turned_k(kx[j], keys_at[j], chunk + d);
        UNROLL(i, TILE_Q) {
            elements qx = staged_q(i * CHUNK + d);
            UNROLL(j, MK)
                s[i][j] += product(qx, kx[j]);
        }
    }
}

// Leaves every work-item's share of the dot products in part.
void partial_products(uint key)
{
    head_place keys_at[MK];
    float s[TILE_Q][MK];
    UNROLL(j, MK) {
        keys_at[j] = k_place(key + lane / LX + j * LY, kv_head);
        UNROLL(i, TILE_Q)
            s[i][j] = 0.0;
    }
    for (uint chunk = 0; chunk < HEAD_DIM; chunk += CHUNK) {
        if (HEAD_DIM > CHUNK)
            stage_q(chunk);
        add_products(s, keys_at, chunk);
        if (HEAD_DIM > CHUNK)
            barrier(); // the stage may be written again
    }
    UNROLL(i, TILE_Q)
        UNROLL(j, MK) {
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
vec4 finish_scores(uint key, bool is_whole)
{
    uint query = row_query[my_row], head = row_head[my_row];
    keys seen = row_keys[my_row];
    vec4 s;
    UNROLL(u, 4) {
        uint at = key + my_keys + u;
        int k_pos = position_of(at);
        float raw = related(dot_product(my_keys + u) * a.scale, head, query, k_pos);
        s[u] = biased(capped(raw), head, query, k_pos);
        s[u] = is_whole ? s[u] : masked(s[u], seen, at, k_pos, ROW(mask, batch, head, query));
    }
    return s;
}

// Moves my row to its new maximum and writes the weights of my keys.
void update_row(vec4 s)
{
    row_part[lane] = max(max(s.x, s.y), max(s.z, s.w));
    barrier();
    float most = m;
    UNROLL(i, ROW_LANES)
        most = max(most, row_part[my_row * ROW_LANES + i]);
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
    UNROLL(i, TILE_Q)
        UNROLL(c, NC)
            acc[i][c] *= factors[i];
}

// Adds four keys' values, weighted. A hidden key's value must not even meet a zero.
void add_values(uint key, uint first, bool is_whole)
{
    vec4 vx[NC];
    UNROLL(u, 4) {
        uint begin = ROW(v, batch, k_token(key + first + u), kv_head);
        UNROLL(c, NC)
            vx[c][u] = LOAD(V_DTYPE, v, begin + min(first_column + lane + c * WG, a.v_dim - 1));
    }
    UNROLL(i, TILE_Q) {
        vec4 p = p_tile[(i * TILE_K + first) / 4];
        UNROLL(c, NC)
            UNROLL(u, 4)
                acc[i][c] += p[u] * (is_whole || p[u] != 0.0 ? vx[c][u] : 0.0);
    }
}

void weighted_values(uint key, bool is_whole)
{
    [[dont_unroll]] for (uint x = 0; x < TILE_K; x += 4)
        add_values(key, x, is_whole);
}

void write_values()
{
    UNROLL(i, TILE_Q)
        UNROLL(c, NC) {
            uint x = lane + c * WG, column = first_column + x;
            if (row_number[i] != NO_ROW && x < V_TILE && column < a.v_dim)
                partial[acc_of(row_number[i]) + column] = acc[i][c];
        }
}

void write_sum()
{
    float sum = 0.0;
    UNROLL(i, ROW_LANES)
        sum += row_part[my_row * ROW_LANES + i];
    if (my_keys != 0u || row_number[my_row] == NO_ROW || first_column != 0u)
        return;
    partial[sums_of(row_number[my_row])] = m;
    partial[sums_of(row_number[my_row]) + 1] = sum;
}

void main()
{
    find_sequence(gl_WorkGroupID.z);
    find_tile();
#if EXTRAS & EXTRA_PACKED
    if (first_row >= n_rows())
        return;
#endif
    find_rows(kv_head, split, first_row);
    init_rows();
    uint begin = split * a.keys_per_split;
    walk all = walk_of(query_of(first_row), query_of(first_row + TILE_Q - 1),
                       begin + a.keys_per_split);
    if (HEAD_DIM <= CHUNK)
        stage_q(0);
    for (uint key = next_block(all, begin); key < all.end; key = next_block(all, key + TILE_K)) {
        partial_products(key);
        bool is_whole = is_whole_block(row_keys[0], row_keys[TILE_Q - 1], key);
        update_row(finish_scores(key, is_whole));
        if (a.has_out == 0u)
            continue;
        scale_values();
        if (is_whole)
            weighted_values(key, true);
        else
            weighted_values(key, false);
    }
    row_part[lane] = l;
    barrier();
    write_values();
    write_sum();
}
