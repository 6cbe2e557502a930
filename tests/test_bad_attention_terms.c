// SPDX-License-Identifier: MIT
// Wrong calls of gyre_attention with what it may have beyond queries, keys and values.
#include <criterion/criterion.h>
#include <string.h>

#include "bad_input.h"

// Where the tensors of these calls lie; the others are where bad_input.h says.
enum {
    Q2_AT = 2048,
    K2_AT = K_AT + 2048,
    RELATIVE_AT = K_AT + 4096,
    CU_Q_AT = POSITIONS_AT,
    CU_KV_AT = POSITIONS_AT + 64,
    K_POSITIONS_AT = POSITIONS_AT + 128,
    Q_COORDS_AT = POSITIONS_AT + 256,
    K_COORDS_AT = POSITIONS_AT + 512,
    SUMS_AT = K_OUT_AT,
};

#define ATTENTION(field, to) EDIT(gyre_attention_params, field, to)
#define COUNT(rows)          (sizeof(rows) / sizeof((rows)[0]))

static struct gyre_tensor view(const struct fixture *f, uint64_t offset, enum gyre_dtype dtype,
                               uint64_t b, uint64_t x, uint64_t y, uint64_t z)
{
    return (struct gyre_tensor){f->buffer, offset, dtype, {b, x, y, z}, {0}};
}

// --- sums over queries

static const struct bad_call bad_sums[] = {
    {"key_sums: dtype f16", {"f16", {ATTENTION(key_sums.dtype, GYRE_F16)}}},
    {"key_sums: dtype i32", {"i32", {ATTENTION(key_sums.dtype, GYRE_I32)}}},
    {"key_sums: shape[0] is 1, k's batch", {"another batch", {ATTENTION(key_sums.shape[0], 1)}}},
    {"key_sums: shape[1] is 2, q's heads", {"k's heads", {ATTENTION(key_sums.shape[1], 2)}}},
    {"key_sums: shape[2] is 4", {"one a query", {ATTENTION(key_sums.shape[2], 4)}}},
    {"key_sums: shape[3] is 3, k's tokens", {"other keys", {ATTENTION(key_sums.shape[3], 3)}}},
    {"key_sums: strides write an element twice",
     {"one for all heads", {STRIDES(gyre_attention_params, key_sums, 16, 0, 4, 1)}}},
    {"key_sums:", {"outside", {ATTENTION(key_sums.offset, BUFFER_SIZE - 64)}}},
    {"out overlaps key_sums", {"over out", {ATTENTION(key_sums.offset, Q_OUT_AT + 16)}}},
    {"lse overlaps key_sums", {"over lse", {ATTENTION(key_sums.offset, LSE_AT)}}},
    {"scores overlaps key_sums", {"over scores", {ATTENTION(key_sums.offset, SCORES_AT)}}},
    {"key_sums overlaps q", {"over q", {ATTENTION(key_sums.offset, 0)}}},
    {"key_sums overlaps v", {"over v", {ATTENTION(key_sums.offset, V_AT + 4)}}},
    {"key_sums overlaps mask", {"over the mask", {ATTENTION(key_sums.offset, MASK_AT)}}},
};

static void spoil_sums(struct fixture *f)
{
    f->attention.key_sums = view(f, SUMS_AT, GYRE_F32, 2, 4, 1, 4);
    refuse_attention(f, bad_sums, COUNT(bad_sums));
}

Test(bad_attention_terms, sums)
{
    on_each_device(spoil_sums);
}

// --- masks of bits

static const struct bad_call bad_bits[] = {
    {"mask: bits in f32", {"f32", {ATTENTION(mask.dtype, GYRE_F32)}}},
    {"mask: bits in f16", {"f16", {ATTENTION(mask.dtype, GYRE_F16)}}},
    {"mask: shape[3] is 4, an eighth of k's tokens is 1",
     {"a byte a key", {ATTENTION(mask.shape[3], 4)}}},
    {"mask: shape[3] is 1, k's tokens is 4", {"bytes", {ATTENTION(is_mask_bits, 0)}}},
    {"mask: shape[2] is 3, q's tokens", {"other queries", {ATTENTION(mask.shape[2], 3)}}},
    {"mask: dtype i32", {"words", {ATTENTION(mask.dtype, GYRE_I32)}}},
};

static void spoil_bits(struct fixture *f)
{
    f->attention.mask = view(f, MASK_AT, GYRE_U8, 1, 1, 4, 1);
    f->attention.is_mask_bits = true;
    refuse_attention(f, bad_bits, COUNT(bad_bits));
}

Test(bad_attention_terms, bits)
{
    on_each_device(spoil_bits);
}

// --- packed sequences

static const struct bad_call bad_packed[] = {
    {"cumulative lengths without a number",
     {"empty lists", {ATTENTION(cu_q_lens.shape[3], 0), ATTENTION(cu_kv_lens.shape[3], 0)}}},
    {"cumulative lengths without a number",
     {"an empty list of keys", {ATTENTION(cu_q_lens, 0), ATTENTION(cu_kv_lens.shape[3], 0)}}},
    {"cu_kv_lens: shape[3] is 4, the batch and one is 3",
     {"lists of two lengths", {ATTENTION(cu_kv_lens.shape[3], 4)}}},
    {"cu_q_lens: shape[0] is 2", {"along batches", {ATTENTION(cu_q_lens.shape[0], 2)}}},
    {"cu_q_lens: shape[1] is 2", {"along tokens", {ATTENTION(cu_q_lens.shape[1], 2)}}},
    {"cu_kv_lens: shape[2] is 2", {"along heads", {ATTENTION(cu_kv_lens.shape[2], 2)}}},
    {"cu_q_lens: dtype i64", {"i64", {ATTENTION(cu_q_lens.dtype, GYRE_I64)}}},
    {"cu_kv_lens: dtype f32", {"f32", {ATTENTION(cu_kv_lens.dtype, GYRE_F32)}}},
    {"cu_q_lens: the last axis is not contiguous",
     {"with gaps", {ATTENTION(cu_q_lens.stride[3], 2)}}},
    {"cu_q_lens: offset", {"between elements", {ATTENTION(cu_q_lens.offset, CU_Q_AT + 2)}}},
    {"cu_q_lens:", {"outside", {ATTENTION(cu_q_lens.offset, BUFFER_SIZE - 8)}}},
    {"out overlaps cu_q_lens", {"over out", {ATTENTION(cu_q_lens.offset, Q_OUT_AT)}}},
    {"lse overlaps cu_kv_lens", {"over lse", {ATTENTION(cu_kv_lens.offset, LSE_AT + 8)}}},
    {"max_q_len without cu_q_lens", {"a bound of no list", {ATTENTION(cu_q_lens, 0)}}},
    {"max_kv_len without cu_kv_lens", {"a bound of no list of keys", {ATTENTION(cu_kv_lens, 0)}}},
    {"k: shape[0] is 1, the batch is 2",
     {"packed queries alone", {ATTENTION(cu_kv_lens, 0), ATTENTION(max_kv_len, 0)}}},
    {"q: shape[0] is 1, the batch is 2",
     {"packed keys alone", {ATTENTION(cu_q_lens, 0), ATTENTION(max_q_len, 0)}}},
    {"q: shape[0] is 2, the batch is 1", {"a batch of queries", {ATTENTION(q.shape[0], 2)}}},
    {"k: shape[0] is 2, the batch is 1", {"a batch of keys", {ATTENTION(k.shape[0], 2)}}},
    {"v: shape[0] is 2, k's batch is 1", {"a batch of values", {ATTENTION(v.shape[0], 2)}}},
    {"out: shape[0] is 2, q's batch is 1", {"a batch of results", {ATTENTION(out.shape[0], 2)}}},
    {"lse: shape[2] is 4, q's tokens is 8", {"lse of a sequence", {ATTENTION(lse.shape[2], 4)}}},
    {"mask: shape[0] is 3, q's batch is 2", {"a mask too many", {ATTENTION(mask.shape[0], 3)}}},
    {"mask: shape[2] is 8, q's tokens is 4",
     {"a mask of all tokens", {ATTENTION(mask.shape[2], 8)}}},
    {"mask: shape[3] is 8, k's tokens is 4", {"a mask of all keys", {ATTENTION(mask.shape[3], 8)}}},
    {"key_sums: shape[0] is 2, k's batch is 1",
     {"a batch of sums", {ATTENTION(key_sums.shape[0], 2)}}},
    {"key_sums: shape[3] is 4, k's tokens is 8",
     {"sums of a sequence", {ATTENTION(key_sums.shape[3], 4)}}},
    {"kv_lens: shape[3] is 8, the batch is 2",
     {"a length a token", {ATTENTION(kv_lens.shape[3], 8)}}},
    {"positions from 1073741821 beyond", {"too late", {ATTENTION(q_start, (1 << 30) - 3)}}},
};

static void set_packed(struct fixture *f)
{
    struct gyre_attention_params *params = &f->attention;
    *params = (struct gyre_attention_params){
        .q = view(f, 0, GYRE_F32, 1, 8, 4, 8),
        .k = view(f, K_AT, GYRE_F32, 1, 8, 2, 8),
        .v = view(f, V_AT, GYRE_F32, 1, 8, 2, 8),
        .mask = view(f, MASK_AT, GYRE_F32, 2, 1, 4, 4),
        .out = view(f, Q_OUT_AT, GYRE_F32, 1, 8, 4, 8),
        .lse = view(f, LSE_AT, GYRE_F32, 1, 4, 8, 1),
        .key_sums = view(f, SUMS_AT, GYRE_F32, 1, 4, 1, 8),
        .kv_lens = view(f, K_POSITIONS_AT, GYRE_I32, 1, 1, 1, 2),
        .cu_q_lens = view(f, CU_Q_AT, GYRE_I32, 1, 1, 1, 3),
        .cu_kv_lens = view(f, CU_KV_AT, GYRE_I32, 1, 1, 1, 3),
        .max_q_len = 4,
        .max_kv_len = 4,
    };
}

static void spoil_packed(struct fixture *f)
{
    set_packed(f);
    struct gyre_attention_params params = f->attention;
    params.scores = view(f, SCORES_AT, GYRE_F32, 2, 4, 4, 4);
    assert_bad_attention(f, "scores", &params, "scores of packed sequences");
    params = f->attention;
    params.cu_q_lens.buffer = f->foreign;
    assert_bad_attention(f, "a list elsewhere", &params, "cu_q_lens: buffer of another device");
    refuse_attention(f, bad_packed, COUNT(bad_packed));
}

Test(bad_attention_terms, packed)
{
    on_each_device(spoil_packed);
}

// No sequence at all is no mistake.
static void pack_nothing(struct fixture *f)
{
    set_packed(f);
    f->attention.cu_q_lens.shape[3] = f->attention.cu_kv_lens.shape[3] = 1;
    f->attention.kv_lens.shape[3] = 0;
    f->attention.mask = (struct gyre_tensor){0};
    cr_assert(gyre_attention(f->session.stream, &f->attention) == GYRE_OK, "%s: %s",
              f->session.info->id, f->session.log.text);
    assert_untouched(f, "no sequence");
}

Test(bad_attention_terms, no_sequences)
{
    on_each_device(pack_nothing);
}

// --- where keys stand, and relative keys

static const struct bad_call bad_keys[] = {
    {"k_positions: dtype i64", {"i64", {ATTENTION(k_positions.dtype, GYRE_I64)}}},
    {"k_positions: dtype f32", {"f32", {ATTENTION(k_positions.dtype, GYRE_F32)}}},
    {"k_positions: shape[0] is 2", {"along batches", {ATTENTION(k_positions.shape[0], 2)}}},
    {"k_positions: shape[1] is 2", {"of two axes", {ATTENTION(k_positions.shape[1], 2)}}},
    {"k_positions: shape[2] is 3, k's batch is 2",
     {"another batch", {ATTENTION(k_positions.shape[2], 3)}}},
    {"k_positions: shape[3] is 3, k's tokens is 4",
     {"other keys", {ATTENTION(k_positions.shape[3], 3)}}},
    {"k_positions: shape[3] is 1, k's tokens is 4",
     {"one for all", {ATTENTION(k_positions.shape[3], 1)}}},
    {"k_positions:", {"outside", {ATTENTION(k_positions.offset, BUFFER_SIZE - 8)}}},
    {"out overlaps k_positions", {"over out", {ATTENTION(k_positions.offset, Q_OUT_AT)}}},
    {"relative_keys: 4 is no odd number", {"no middle", {ATTENTION(relative_keys.shape[1], 4)}}},
    {"relative_keys: 0 is no odd number", {"none", {ATTENTION(relative_keys.shape[1], 0)}}},
    {"relative_keys: shape[0] is 2", {"one a batch", {ATTENTION(relative_keys.shape[0], 2)}}},
    {"relative_keys: shape[2] is 4, k's heads is 2",
     {"q's heads", {ATTENTION(relative_keys.shape[2], 4)}}},
    {"relative_keys: shape[3] is 4, q's head_dim is 8",
     {"another dim", {ATTENTION(relative_keys.shape[3], 4)}}},
    {"relative_keys: dtype u8", {"u8", {ATTENTION(relative_keys.dtype, GYRE_U8)}}},
    {"relative_keys:", {"outside", {ATTENTION(relative_keys.offset, BUFFER_SIZE - 64)}}},
    {"lse overlaps relative_keys", {"over lse", {ATTENTION(relative_keys.offset, LSE_AT)}}},
};

static void spoil_keys(struct fixture *f)
{
    f->attention.k_positions = view(f, K_POSITIONS_AT, GYRE_I32, 1, 1, 2, 4);
    f->attention.relative_keys = view(f, RELATIVE_AT, GYRE_F32, 1, 5, 2, 8);
    refuse_attention(f, bad_keys, COUNT(bad_keys));
}

Test(bad_attention_terms, keys)
{
    on_each_device(spoil_keys);
}

// Products with relative keys lie in scratch, as LSE for sums does, and are counted in 32 bits.
static void repeat_relative(struct fixture *f)
{
    const uint64_t q_len = UINT64_C(1) << 28, n_heads = 8;
    struct gyre_attention_params params = {
        .q = {f->buffer, 0, GYRE_F32, {1, q_len, n_heads, 8}, {0, 0, 8, 1}},
        .k = view(f, K_AT, GYRE_F32, 1, 4, 8, 8),
        .relative_keys = view(f, RELATIVE_AT, GYRE_F32, 1, 3, 1, 8),
        .key_sums = view(f, SUMS_AT, GYRE_F32, 1, n_heads, 1, 4),
    };
    cr_assert(gyre_attention_supported(f->session.device, &params) == GYRE_UNSUPPORTED);
    cr_assert(strstr(f->session.log.text, "268435456 queries of 8 heads by 3") != NULL, "%s",
              f->session.log.text);
}

Test(bad_attention_terms, too_many_products)
{
    on_each_device(repeat_relative);
}

// --- second parts

static const struct bad_call bad_seconds[] = {
    {"q2 without k2", {"no q2", {ATTENTION(q2, 0)}}},
    {"q2 without k2", {"no k2", {ATTENTION(k2, 0)}}},
    {"q2: shape[0] is 1, q's batch is 2", {"another batch", {ATTENTION(q2.shape[0], 1)}}},
    {"q2: shape[1] is 3, q's tokens is 4", {"other tokens", {ATTENTION(q2.shape[1], 3)}}},
    {"q2: shape[2] is 2, q's heads is 4", {"other heads", {ATTENTION(q2.shape[2], 2)}}},
    {"k2: shape[0] is 1, k's batch is 2", {"another batch of k2", {ATTENTION(k2.shape[0], 1)}}},
    {"k2: shape[1] is 3, k's tokens is 4", {"other tokens of k2", {ATTENTION(k2.shape[1], 3)}}},
    {"k2: shape[3] is 4, q2's head_dim is 8", {"another dim", {ATTENTION(k2.shape[3], 4)}}},
    {"3 heads of k2 do not divide 2 of k", {"too many heads", {ATTENTION(k2.shape[2], 3)}}},
    {"0 heads of k2 do not divide 2 of k", {"no heads", {ATTENTION(k2.shape[2], 0)}}},
    {"q2: head_dim is 0", {"no elements", {ATTENTION(q2.shape[3], 0), ATTENTION(k2.shape[3], 0)}}},
    {"not of the first part's dtype", {"f16 q2", {ATTENTION(q2.dtype, GYRE_F16)}}},
    {"not of the first part's dtype", {"bf16 k2", {ATTENTION(k2.dtype, GYRE_BF16)}}},
    {"q2: dtype u8", {"u8", {ATTENTION(q2.dtype, GYRE_U8)}}},
    {"k2:", {"outside", {ATTENTION(k2.offset, BUFFER_SIZE - 64)}}},
    {"out overlaps q2", {"q2 over out", {ATTENTION(q2.offset, Q_OUT_AT)}}},
    {"scores overlaps k2", {"k2 over scores", {ATTENTION(k2.offset, SCORES_AT)}}},
};

static void set_second(struct fixture *f)
{
    f->attention.q2 = view(f, Q2_AT, GYRE_F32, 2, 4, 4, 8);
    f->attention.k2 = view(f, K2_AT, GYRE_F32, 2, 4, 2, 8);
}

static void spoil_second(struct fixture *f)
{
    set_second(f);
    struct gyre_attention_params params = f->attention;
    params.relative_keys = view(f, RELATIVE_AT, GYRE_F32, 1, 5, 2, 8);
    assert_bad_attention(f, "relative keys", &params, "relative_keys with rope or a second part");
    refuse_attention(f, bad_seconds, COUNT(bad_seconds));
}

Test(bad_attention_terms, second_parts)
{
    on_each_device(spoil_second);
}

// --- rotations

static const struct bad_call bad_rotations[] = {
    {"rotates_q or rotates_k without rope", {"no table", {ATTENTION(rope, 0)}}},
    {"rope, but neither q nor k is rotated",
     {"nothing to rotate",
      {ATTENTION(rotates_q, 0), ATTENTION(rotates_k, 0), ATTENTION(q_coords, 0),
       ATTENTION(k_coords, 0)}}},
    {"q_coords of what is not rotated", {"coordinates of q", {ATTENTION(rotates_q, 0)}}},
    {"k_coords of what is not rotated", {"coordinates of k", {ATTENTION(rotates_k, 0)}}},
    {"rope: head_dim 8, what it rotates has 4",
     {"another head_dim", {ATTENTION(q.shape[3], 4), ATTENTION(k.shape[3], 4)}}},
    {"q_coords: dtype f32", {"f32", {ATTENTION(q_coords.dtype, GYRE_F32)}}},
    {"q_coords: shape[0] is 2", {"along batches", {ATTENTION(q_coords.shape[0], 2)}}},
    {"q_coords: shape[1] is 2, the table's axes is 1", {"axes", {ATTENTION(q_coords.shape[1], 2)}}},
    {"q_coords: shape[2] is 3, the batch is 2", {"a batch", {ATTENTION(q_coords.shape[2], 3)}}},
    {"q_coords: shape[3] is 3, the tokens is 4", {"tokens", {ATTENTION(q_coords.shape[3], 3)}}},
    {"q_coords: shape[3] is 1, the tokens is 4", {"a start", {ATTENTION(q_coords.shape[3], 1)}}},
    {"k_coords: shape[1] is 2, the table's axes is 1",
     {"k's axes", {ATTENTION(k_coords.shape[1], 2)}}},
    {"k_coords: shape[2] is 3, the batch is 2", {"k's batch", {ATTENTION(k_coords.shape[2], 3)}}},
    {"k_coords: shape[3] is 5, the tokens is 4", {"k's tokens", {ATTENTION(k_coords.shape[3], 5)}}},
    {"k_coords: offset", {"between elements", {ATTENTION(k_coords.offset, K_COORDS_AT + 4)}}},
    {"k_coords:", {"outside", {ATTENTION(k_coords.offset, BUFFER_SIZE - 8)}}},
    {"out overlaps q_coords", {"q_coords over out", {ATTENTION(q_coords.offset, Q_OUT_AT)}}},
    {"lse overlaps k_coords", {"k_coords over lse", {ATTENTION(k_coords.offset, LSE_AT)}}},
};

static void set_rotations(struct fixture *f)
{
    f->attention.rope = f->table;
    f->attention.rotates_q = f->attention.rotates_k = true;
    f->attention.q_coords = view(f, Q_COORDS_AT, GYRE_I32, 1, 1, 2, 4);
    f->attention.k_coords = view(f, K_COORDS_AT, GYRE_I64, 1, 1, 1, 4);
}

static void spoil_rotations(struct fixture *f)
{
    set_rotations(f);
    struct gyre_attention_params params = f->attention;
    params.rope = f->foreign_table;
    assert_bad_attention(f, "a table elsewhere", &params, "rope: table of another device");
    params = f->attention;
    params.relative_keys = view(f, RELATIVE_AT, GYRE_F32, 1, 5, 2, 8);
    assert_bad_attention(f, "relative keys", &params, "relative_keys with rope or a second part");
    refuse_attention(f, bad_rotations, COUNT(bad_rotations));
}

Test(bad_attention_terms, rotations)
{
    on_each_device(spoil_rotations);
}

// A table whose positions have three coordinates; and of the second part.
static void spoil_axes(struct fixture *f)
{
    static const struct bad_call calls[] = {
        {"q_coords: absent, the table has 3 axes", {"no q_coords", {ATTENTION(q_coords, 0)}}},
        {"k_coords: absent, the table has 3 axes", {"no k_coords", {ATTENTION(k_coords, 0)}}},
        {"q_coords: shape[1] is 2, the table's axes is 3",
         {"two axes", {ATTENTION(q_coords.shape[1], 2)}}},
        {"rope: head_dim 8, what it rotates has 4",
         {"a shorter second part", {ATTENTION(q2.shape[3], 4), ATTENTION(k2.shape[3], 4)}}},
    };
    const struct gyre_rope_config config = {
        .head_dim = 8, .axes = GYRE_ROPE_SECTIONS, .sections = {1, 1, 2}};
    struct gyre_rope_table *table = NULL;
    cr_assert(gyre_rope_table_create(f->session.device, &config, &table) == GYRE_OK);
    set_second(f);
    set_rotations(f);
    f->attention.rope = table;
    f->attention.q_coords.shape[1] = 3;
    refuse_attention(f, calls, COUNT(calls));
    cr_assert(gyre_stream_finish(f->session.stream) == GYRE_OK);
    gyre_rope_table_destroy(&table);
}

Test(bad_attention_terms, axes)
{
    on_each_device(spoil_axes);
}
