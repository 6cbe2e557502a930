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
// pass through shared memory, CHUNK slots at a time; S and v are read from global memory.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/linear_attention.h"

layout(constant_id = 1) const uint TILE_Q = 32;
layout(constant_id = 2) const uint TILE_K = 32;
layout(constant_id = 3) const uint TILE_V = 64;
layout(constant_id = 4) const uint CAUSAL = 1;

ARGS(gyre_linear_attention_args);
BUFFER(0, restrict readonly, Q, TYPE(Q_DTYPE), q);           // (batch, query, head, head_dim)
BUFFER(1, restrict readonly, K, TYPE(K_DTYPE), k);           // (batch, key, kv head, head_dim)
BUFFER(2, restrict readonly, V, TYPE(V_DTYPE), v);           // (batch, key, kv head, v_dim)
BUFFER(3, restrict readonly, Table, uint, table);            // (n_pairs, 2) turns
BUFFER(4, readonly, State, float, state);                    // (batch, kv head, entry, dim, v_dim)
BUFFER(5, readonly, Norm, float, norm);                      // (batch, kv head, entry, dim)
BUFFER(6, restrict writeonly, Out, TYPE(OUT_DTYPE), result); // (batch, query, head, v_dim)

#include "linear_features.glsl"

DEFINE_FEATURES(q_features, Q_DTYPE, q)
DEFINE_FEATURES(k_features, K_DTYPE, k)

const uint TX = 16;
const uint TY = WG / TX;
const uint MQ = TILE_Q / TY;
const uint MK = TILE_K / TX;
const uint NC = TILE_V / TX;

// Slots that a tile of features holds at once, and rows of it and of weights: odd, so that they
// begin in different banks.
const uint CHUNK = 16;
const uint STRIDE = CHUNK | 1;
const uint P_STRIDE = TILE_K | 1;

// Tiles of features: plain ones of (TILE_Q, STRIDE) q and (TILE_K, STRIDE) k, then turned ones
// where anything rotates. The tile of weights, (TILE_Q, P_STRIDE), takes their place.
const uint K_TILE = TILE_Q * STRIDE;
const uint N_PLAIN = (TILE_Q + TILE_K * CAUSAL) * STRIDE;
const uint TURNED = ROPE != 0 ? N_PLAIN : 0;
const uint N_FEATURES = TURNED + N_PLAIN;
const uint N_WEIGHTS = TILE_Q * P_STRIDE;
shared float tiles[N_FEATURES > N_WEIGHTS ? N_FEATURES : N_WEIGHTS];
// What the rows are; here it takes no registers.
const uint NO_ROW = ~0u;       // past the last one
shared uint q_begin[TILE_Q];   // where the elements of a row of q begin,
shared uint q_query[TILE_Q];   // which query it is,
shared uint out_begin[TILE_Q]; // and where its result does, or NO_ROW

// The tile of this group, and the place of this work-item in it.
uint batch, kv_head, first_row, first_column;
int segment_begin; // where the tile's segment of queries begins among the keys
uint tx, ty;

// The MQ rows of this work-item.
float o[MQ][NC];
float z[MQ]; // its part of the denominator
float w[MQ][MK];

uint n_rows()
{
    return a.q_len * a.group;
}

uint query_of(uint row)
{
    return min(row, n_rows() - 1u) / a.group;
}

uint head_of(uint row)
{
    return kv_head * a.group + min(row, n_rows() - 1u) % a.group;
}

// The first keys that a query sees.
uint keys_seen(uint query)
{
    int end = int(query) + a.shift + 1;
    return end <= 0 ? 0u : min(uint(end), a.kv_len);
}

void find_tile()
{
    uint n_v_tiles = max((a.v_dim + TILE_V - 1) / TILE_V, 1u);
    batch = gl_WorkGroupID.z;
    kv_head = gl_WorkGroupID.y;
    first_row = gl_WorkGroupID.x / n_v_tiles * TILE_Q;
    first_column = gl_WorkGroupID.x % n_v_tiles * TILE_V;
    segment_begin = int(query_of(first_row) / a.segment * a.segment) + a.shift;
    tx = gl_LocalInvocationIndex % TX;
    ty = gl_LocalInvocationIndex / TX;
}

// Of this work-item; those past the last repeat it.
void find_columns(out uint columns[NC])
{
    UNROLL(c, NC)
        columns[c] = min(first_column + tx + c * TX, a.v_dim - 1u);
}

void init_rows()
{
    UNROLL(i, MQ) {
        z[i] = 0.0;
        UNROLL(c, NC)
            o[i][c] = 0.0;
    }
}

void find_rows()
{
    for (uint row = gl_LocalInvocationIndex; row < TILE_Q; row += WG) {
        uint own = first_row + row, query = query_of(own), head = head_of(own);
        q_query[row] = query;
        q_begin[row] = ROW(q, batch, query, head);
        out_begin[row] = own < n_rows() ? ROW(out, batch, query, head) : NO_ROW;
    }
    barrier();
}

// Leaves two features of a token, and what rotation makes of them.
void leave_features(uint to, uint position, uint slot, vec2 f)
{
    tiles[to] = f.x;
    tiles[to + 1] = f.y;
#if ROPE != 0
    vec2 g = rotated(position, slot, f);
    tiles[TURNED + to] = g.x;
    tiles[TURNED + to + 1] = g.y;
#endif
}

// Slots [slot, slot + CHUNK) of the tile's rows.
void stage_queries(uint slot)
{
    [[dont_unroll]] for (uint e = gl_LocalInvocationIndex; e < TILE_Q * CHUNK / 2; e += WG) {
        uint row = e / (CHUNK / 2), x = e % (CHUNK / 2) * 2;
        leave_features(row * STRIDE + x, a.q_start + q_query[row], slot + x,
                       q_features(q_begin[row], slot + x));
    }
}

// The same of keys [key, key + TILE_K); those past the last repeat it.
void stage_keys(uint key, uint slot)
{
    [[dont_unroll]] for (uint e = gl_LocalInvocationIndex; e < TILE_K * CHUNK / 2; e += WG) {
        uint row = e / (CHUNK / 2), x = e % (CHUNK / 2) * 2;
        uint at = min(key + row, a.kv_len - 1u);
        leave_features(K_TILE + row * STRIDE + x, a.k_start + at, slot + x,
                       k_features(ROW(k, batch, at, kv_head), slot + x));
    }
}

// --- sums over the keys before

// Slots [slot, slot + CHUNK) of q' and p(q), times their rows of S and z.
void add_state(uint entry, uint slot)
{
    uint n = min(a.head_dim - slot, CHUNK), columns[NC];
    find_columns(columns);
    [[dont_unroll]] for (uint x = 0; x < n; x++) {
        uint row = STATE_ROW(a.sums, batch, kv_head, entry, dim_of(slot + x));
        float s[NC];
        UNROLL(c, NC)
            s[c] = state[row + columns[c]];
        UNROLL(i, MQ) {
            float f = tiles[TURNED + (ty * MQ + i) * STRIDE + x];
            UNROLL(c, NC)
                o[i][c] += f * s[c];
        }
    }
    if (tx < n) {
        float sum = norm[NORM_AT(a.sums, batch, kv_head, entry, dim_of(slot + tx))];
        UNROLL(i, MQ)
            z[i] += tiles[(ty * MQ + i) * STRIDE + tx] * sum;
    }
}

void add_sums()
{
    uint entry = CAUSAL != 0u
                     ? gyre_segment_entry(segment_begin, a.segment, a.first, a.n_segments)
                     : 0u;
    for (uint slot = 0; slot < a.head_dim; slot += CHUNK) {
        stage_queries(slot);
        barrier();
        add_state(entry, slot);
        barrier(); // the tiles may be written again
    }
}

// --- keys of the segment

void clear_weights()
{
    UNROLL(i, MQ)
        UNROLL(j, MK)
            w[i][j] = 0.0;
}

// sums[i][j] += q . k over the tiles of features that begin at `first`
#define ADD_PRODUCTS(first, sums)                                                                  \
    [[dont_unroll]] for (uint x = 0; x < CHUNK; x++) {                                             \
        float kx[MK];                                                                              \
        UNROLL(j, MK)                                                                              \
            kx[j] = tiles[first + K_TILE + (tx + j * TX) * STRIDE + x];                            \
        UNROLL(i, MQ) {                                                                            \
            float qx = tiles[first + (ty * MQ + i) * STRIDE + x];                                  \
            UNROLL(j, MK)                                                                          \
                sums[i][j] += qx * kx[j];                                                          \
        }                                                                                          \
    }

#if ROPE != 0
float plain[MQ][MK]; // p(q) . p(k)

void clear_plain()
{
    UNROLL(i, MQ)
        UNROLL(j, MK)
            plain[i][j] = 0.0;
}
#else
#define plain w
#endif

// q' . k', and p(q) . p(k) of keys [key, key + TILE_K)
void multiply_features(uint key)
{
    clear_weights();
#if ROPE != 0
    clear_plain();
#endif
    for (uint slot = 0; slot < a.head_dim; slot += CHUNK) {
        stage_queries(slot);
        stage_keys(key, slot);
        barrier();
        ADD_PRODUCTS(TURNED, w)
#if ROPE != 0
        ADD_PRODUCTS(0, plain)
#endif
        barrier(); // the tiles may be written again, by weights too
    }
}

// Leaves the weights in their tile, 0 for the keys that a row does not see.
void leave_weights(uint key)
{
    UNROLL(i, MQ) {
        uint row = ty * MQ + i, end = keys_seen(q_query[row]);
        UNROLL(j, MK) {
            uint at = tx + j * TX;
            bool is_seen = key + at < end;
            tiles[row * P_STRIDE + at] = is_seen ? w[i][j] : 0.0;
            z[i] += is_seen ? plain[i][j] : 0.0;
        }
    }
}

// A value that is not seen must not even meet a zero.
void add_values(uint key, bool is_whole)
{
    uint columns[NC];
    find_columns(columns);
    [[dont_unroll]] for (uint x = 0; x < TILE_K; x++) {
        uint begin = ROW(v, batch, min(key + x, a.kv_len - 1u), kv_head);
        float value[NC];
        UNROLL(c, NC)
            value[c] = LOAD(V_DTYPE, v, begin + columns[c]);
        UNROLL(i, MQ) {
            float weight = tiles[(ty * MQ + i) * P_STRIDE + x];
            UNROLL(c, NC)
                o[i][c] += weight * (is_whole || weight != 0.0 ? value[c] : 0.0);
        }
    }
}

void add_segment()
{
    uint key = uint(max(segment_begin, 0));
    for (; key < keys_seen(q_query[TILE_Q - 1]); key += TILE_K) {
        multiply_features(key);
        leave_weights(key);
        barrier();
        if (key + TILE_K <= keys_seen(q_query[0]))
            add_values(key, true);
        else
            add_values(key, false);
        barrier(); // the tiles may be written again
    }
}

// --- results

bool sees_any(uint query)
{
    return a.has_past != 0u || (CAUSAL != 0u ? keys_seen(query) : a.kv_len) != 0u;
}

// The denominator of a row, which all work-items of the row have left a part of.
float denominator(uint row)
{
    float sum = 0.0;
    for (uint x = 0; x < TX; x++)
        sum += tiles[row * P_STRIDE + x];
    return sum;
}

void write_row(uint row, uint i)
{
    const float SMALLEST = 1.1754943508e-38; // normal
    float sum = denominator(row);
    bool is_nothing = abs(sum) < SMALLEST || !sees_any(q_query[row]);
    UNROLL(c, NC) {
        uint column = first_column + tx + c * TX;
        if (column < a.v_dim)
            STORE(OUT_DTYPE, result, out_begin[row] + column, is_nothing ? 0.0 : o[i][c] / sum);
    }
}

void write_rows()
{
    UNROLL(i, MQ)
        tiles[(ty * MQ + i) * P_STRIDE + tx] = z[i];
    barrier();
    UNROLL(i, MQ)
        if (out_begin[ty * MQ + i] != NO_ROW)
            write_row(ty * MQ + i, i);
}

void main()
{
    find_tile();
    find_rows();
    init_rows();
    if (a.has_sums != 0u)
        add_sums();
    if (CAUSAL != 0u)
        add_segment();
    write_rows();
}
