// SPDX-License-Identifier: MIT
// attention.comp with STAGED 1: dot products and weighted values, q, k and v through shared memory.
#include "heads.glsl"

// Elements of q and k that are staged at once: at most a RUN, in even parts of head_dim.
const uint N_CHUNKS = (HEAD_DIM + RUN - 1) / RUN;
const uint CHUNK = ((HEAD_DIM + N_CHUNKS - 1) / N_CHUNKS + 3) / 4 * 4;
const uint CHUNK_STRIDE = CHUNK / 4 | 1;
// Keys, and fours of columns per key, of v that are staged at once.
const uint V_KEYS = TILE_K / NV;
const uint V_ROW = (V_TILE + 3) / 4;

const uint QK_SIZE = (TILE_Q + TILE_K) * CHUNK_STRIDE;
const uint V_SIZE = V_KEYS * V_ROW;
const uint K_STAGE = TILE_Q * CHUNK_STRIDE; // k follows q
shared real4 stage[QK_SIZE > V_SIZE ? QK_SIZE : V_SIZE];
shared head_place q_places[TILE_Q];

// Reductions come when neither q and k nor v are staged.
#if EXTRAS & EXTRA_F16_SUMS
shared vec4 part[TILE_Q * TX / 4];
#else
#define part stage
#endif

// In registers, which may be those of the whole group, here and for the addresses that follow.
walk all;
keys first_keys, last_keys;

// Before the walk over keys up to `end`.
void start(uint end)
{
    uint first = query_of(first_row), last = query_of(first_row + TILE_Q - 1);
    all = walk_of(first, last, end);
    first_keys = keys_of(first);
    last_keys = keys_of(last);
    for (uint row = gl_LocalInvocationIndex; row < TILE_Q; row += WG)
        q_places[row] = q_place(row_query[row], row_head[row]);
    barrier();
}

bool is_whole(uint key)
{
    return is_whole_block(first_keys, last_keys, key);
}

// Elements [d, d + CHUNK) of the tile's rows and of TILE_K keys.
#if IS_REORDERED
void stage_pair(uint row_begin, uint x, vec2 pair)
{
    stage[row_begin + x / 4][x % 4] = pair.x;
    stage[row_begin + x / 4][x % 4 + 1] = pair.y;
}

void stage_qk(uint key, uint d)
{
    for (uint e = 2 * gl_LocalInvocationIndex; e < TILE_Q * CHUNK; e += 2 * WG) {
        uint row = e / CHUNK, x = e % CHUNK;
        stage_pair(row * CHUNK_STRIDE, x, q_pair(q_places[row], d + x));
    }
    for (uint e = 2 * gl_LocalInvocationIndex; e < TILE_K * CHUNK; e += 2 * WG) {
        uint row = e / CHUNK, x = e % CHUNK;
        stage_pair(K_STAGE + row * CHUNK_STRIDE, x, k_pair(k_place(key + row, kv_head), d + x));
    }
}
#else
void stage_qk(uint key, uint d)
{
    [[unroll]] for (uint e = gl_LocalInvocationIndex; e < TILE_Q * CHUNK; e += WG) {
        uint row = e / CHUNK, x = e % CHUNK;
        stage[row * CHUNK_STRIDE + x / 4][x % 4] =
            real(SHRUNK(row, d + x < HEAD_DIM ? LOAD(Q_DTYPE, q, q_places[row] + d + x) : 0.0));
    }
    [[unroll]] for (uint e = gl_LocalInvocationIndex; e < TILE_K * CHUNK; e += WG) {
        uint row = e / CHUNK, x = e % CHUNK;
        stage[K_STAGE + row * CHUNK_STRIDE + x / 4][x % 4] =
            real(d + x < HEAD_DIM ? LOAD(K_DTYPE, k, k_place(key + row, kv_head) + d + x) : 0.0);
    }
}
#endif

// The tile's columns of V_KEYS keys.
void stage_v(uint key)
{
    for (uint e = gl_LocalInvocationIndex; e < V_KEYS * V_ROW * 4; e += WG) {
        uint row = e / (V_ROW * 4), x = e % (V_ROW * 4);
        uint begin = ROW(v, batch, k_token(key + row), kv_head) + first_column;
        stage[e / 4][e % 4] = real(x < n_columns ? LOAD(V_DTYPE, v, begin + x) : 0.0);
    }
}

void raw_scores(uint key)
{
    clear_products();
    for (uint d = 0; d < HEAD_DIM; d += CHUNK) {
        stage_qk(key, d);
        barrier();
        for (uint x = 0; x < CHUNK / 4; x++) {
            real4 kx[MK];
            UNROLL(j, MK)
                kx[j] = stage[K_STAGE + (tx + j * TX) * CHUNK_STRIDE + x];
            UNROLL(i, MQ)
                add_products(i, stage[row_of(i) * CHUNK_STRIDE + x], kx);
        }
        end_run();
        barrier(); // the stage may be written again
    }
}

void weighted_values(uint key, bool is_whole)
{
    for (uint done = 0; done < TILE_K; done += V_KEYS) {
        stage_v(key + done);
        barrier();
        for (uint x = 0; x < V_KEYS; x++) {
            float px[MQ];
            UNROLL(i, MQ)
                px[i] = p_tile[row_of(i) * P_STRIDE + (done + x) / 4][(done + x) % 4];
            UNROLL(c, NV)
                add_values(c, px, vec4(stage[x * V_ROW + min(tx + c * TX, V_ROW - 1)]), is_whole);
        }
        barrier(); // the stage may be written again
    }
}
