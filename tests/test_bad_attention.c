// SPDX-License-Identifier: MIT
// Wrong calls of gyre_attention: a status, a log line, and nothing written.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bad_input.h"

// Bits of float values.
enum { F32_NAN = 0x7fc00000, F32_INFINITY = 0x7f800000 };
#define F32_MINUS_1 0xbf800000u

#define ATTENTION(field, to) EDIT(gyre_attention_params, field, to)
static const struct bad_call bad_calls[] = {
    {"3 heads of k do not divide 4",
     {"kv heads that do not divide", {ATTENTION(k.shape[2], 3), ATTENTION(v.shape[2], 3)}}},
    {"0 heads of k do not divide",
     {"no kv heads", {ATTENTION(k.shape[2], 0), ATTENTION(v.shape[2], 0)}}},
    {"v: shape[2] is 4, k's heads is 2", {"v with other heads", {ATTENTION(v.shape[2], 4)}}},
    {"k: shape[3] is 4, q's head_dim is 8",
     {"k with another head_dim", {ATTENTION(k.shape[3], 4)}}},
    {"q: head_dim is 0", {"no elements", {ATTENTION(q.shape[3], 0), ATTENTION(k.shape[3], 0)}}},
    {"v: shape[1] is 3, k's tokens is 4", {"v with another length", {ATTENTION(v.shape[1], 3)}}},
    {"k: shape[0] is 1, the batch is 2", {"k with another batch", {ATTENTION(k.shape[0], 1)}}},
    {"v: shape[0] is 1, k's batch is 2", {"v with another batch", {ATTENTION(v.shape[0], 1)}}},
    {"q or k is absent", {"no q", {ATTENTION(q, 0)}}},
    {"q or k is absent", {"no k", {ATTENTION(k, 0)}}},
    {"out without v", {"no v", {ATTENTION(v, 0)}}},
    {"out, lse, scores and key_sums are all absent",
     {"no results", {ATTENTION(out, 0), ATTENTION(lse, 0), ATTENTION(scores, 0)}}},
    {"out: shape[0] is 1", {"out with another batch", {ATTENTION(out.shape[0], 1)}}},
    {"out: shape[1] is 3", {"out with another length", {ATTENTION(out.shape[1], 3)}}},
    {"out: shape[2] is 2", {"out with other heads", {ATTENTION(out.shape[2], 2)}}},
    {"out: shape[3] is 4", {"out with another dim", {ATTENTION(out.shape[3], 4)}}},
    {"q: dtype u8", {"u8 queries", {ATTENTION(q.dtype, GYRE_U8)}}},
    {"out: dtype i32", {"i32 out", {ATTENTION(out.dtype, GYRE_I32)}}},
    {"mask: dtype i32", {"i32 mask", {ATTENTION(mask.dtype, GYRE_I32)}}},
    {"mask: shape[3] is 3, k's tokens", {"a mask of other keys", {ATTENTION(mask.shape[3], 3)}}},
    {"mask: shape[2] is 3, q's tokens", {"a mask of other queries", {ATTENTION(mask.shape[2], 3)}}},
    {"mask: shape[1] is 2, q's heads", {"a mask of other heads", {ATTENTION(mask.shape[1], 2)}}},
    {"mask: shape[0] is 3, q's batch", {"a mask of another batch", {ATTENTION(mask.shape[0], 3)}}},
    {"lse: dtype f16", {"f16 lse", {ATTENTION(lse.dtype, GYRE_F16)}}},
    {"lse: shape[0] is 1", {"lse of another batch", {ATTENTION(lse.shape[0], 1)}}},
    {"lse: shape[1] is 2", {"lse of other heads", {ATTENTION(lse.shape[1], 2)}}},
    {"lse: shape[2] is 3", {"lse of another length", {ATTENTION(lse.shape[2], 3)}}},
    {"lse: shape[3] is 2", {"lse of another shape", {ATTENTION(lse.shape[3], 2)}}},
    {"out overlaps q", {"out over q", {ATTENTION(out.offset, 0)}}},
    {"out overlaps mask", {"out over the mask", {ATTENTION(out.offset, MASK_AT)}}},
    {"out overlaps lse", {"lse over out", {ATTENTION(lse.offset, Q_OUT_AT + 16)}}},
    {"scores: shape[0] is 1", {"scores of another batch", {ATTENTION(scores.shape[0], 1)}}},
    {"scores: shape[1] is 2", {"scores of other heads", {ATTENTION(scores.shape[1], 2)}}},
    {"scores: shape[2] is 3", {"scores of other queries", {ATTENTION(scores.shape[2], 3)}}},
    {"scores: shape[3] is 3", {"scores of other keys", {ATTENTION(scores.shape[3], 3)}}},
    {"scores_stage 7", {"no stage", {ATTENTION(scores_stage, 7)}}},
    {"align 5", {"no alignment", {ATTENTION(align, 5)}}},
    {"precision 9", {"no precision", {ATTENTION(precision, 9)}}},
    {"scale nan", {"a scale of NaN", {ATTENTION(scale, F32_NAN)}}},
    {"scale -1", {"a negative scale", {ATTENTION(scale, F32_MINUS_1)}}},
    {"softcap inf", {"a soft-cap of infinity", {ATTENTION(softcap, F32_INFINITY)}}},
    {"softcap -1", {"a soft-cap below zero", {ATTENTION(softcap, F32_MINUS_1)}}},
    {"window_left 1073741825", {"a window too wide", {ATTENTION(window_left, (1u << 30) + 1)}}},
    {"window_right 4294967295", {"a negative window", {ATTENTION(window_right, UINT32_MAX)}}},
    {"positions from 1073741821 beyond", {"too late", {ATTENTION(q_start, (1 << 30) - 3)}}},
    {"positions from -1073741825 beyond", {"too early", {ATTENTION(q_start, -(1 << 30) - 1)}}},
    {"max_q_len without cu_q_lens", {"a bound of no list", {ATTENTION(max_q_len, 4)}}},
    {"max_kv_len without cu_kv_lens", {"a bound of no list of keys", {ATTENTION(max_kv_len, 4)}}},
    {"rotates_q or rotates_k without rope", {"a rotation by nothing", {ATTENTION(rotates_k, 1)}}},
    {"out:", {"out outside", {ATTENTION(out.offset, BUFFER_SIZE - 16)}}},
    {"k:",
     {"a shape that overflows",
      {ATTENTION(k.shape[1], UINT64_C(1) << 61), ATTENTION(v.shape[1], UINT64_C(1) << 61),
       ATTENTION(mask, 0), ATTENTION(scores, 0)}}},
};

static void spoil_attention(struct fixture *f)
{
    refuse_attention(f, bad_calls, sizeof(bad_calls) / sizeof(bad_calls[0]));
    cr_assert(gyre_attention(f->session.stream, NULL) == GYRE_INVALID);
    cr_assert(strstr(f->session.log.text, "params is NULL") != NULL);
}

Test(bad_attention, params)
{
    on_each_device(spoil_attention);
}

// --- what is given by sequence or by head

enum { LENS_AT = POSITIONS_AT, STARTS_AT = LENS_AT + 64, SLOPES_AT = LENS_AT + 128 };
enum { SINKS_AT = LENS_AT + 192 };

static const struct list {
    const char *name;
    size_t at; // in the params
} lists[] = {
    {"kv_lens", offsetof(struct gyre_attention_params, kv_lens)},
    {"q_starts", offsetof(struct gyre_attention_params, q_starts)},
    {"alibi_slopes", offsetof(struct gyre_attention_params, alibi_slopes)},
    {"sinks", offsetof(struct gyre_attention_params, sinks)},
};
enum { N_LISTS = sizeof(lists) / sizeof(lists[0]) };

#define LIST(field, to) EDIT(gyre_tensor, field, to)
static const struct spoiling list_spoilings[] = {
    {"too long", {LIST(shape[3], 5)}},
    {"too short", {LIST(shape[3], 1)}},
    {"empty", {LIST(shape[3], 0)}},
    {"along heads", {LIST(shape[2], 2)}},
    {"along tokens", {LIST(shape[1], 4)}},
    {"along batches", {LIST(shape[0], 2)}},
    {"of i64", {LIST(dtype, GYRE_I64)}},
    {"of u8", {LIST(dtype, GYRE_U8)}},
    {"of f16", {LIST(dtype, GYRE_F16)}},
    {"of no dtype", {LIST(dtype, 77)}},
    {"with gaps", {LIST(stride[3], 2)}},
    {"between two elements", {LIST(offset, LENS_AT + 2)}},
    {"outside", {LIST(offset, BUFFER_SIZE - 4)}},
    {"over out", {LIST(offset, Q_OUT_AT)}},
    {"over the end of lse", {LIST(offset, LSE_AT + 2 * 4 * 4 * sizeof(float) - 4)}},
    {"over scores", {LIST(offset, SCORES_AT + 16)}},
};
enum { N_LIST_SPOILINGS = sizeof(list_spoilings) / sizeof(list_spoilings[0]) };

static void add_lists(struct fixture *f)
{
    struct gyre_attention_params *params = &f->attention;
    params->kv_lens = (struct gyre_tensor){f->buffer, LENS_AT, GYRE_I32, {1, 1, 1, 2}, {0}};
    params->q_starts = (struct gyre_tensor){f->buffer, STARTS_AT, GYRE_I32, {1, 1, 1, 2}, {0}};
    params->alibi_slopes = (struct gyre_tensor){f->buffer, SLOPES_AT, GYRE_F32, {1, 1, 1, 4}, {0}};
    params->sinks = (struct gyre_tensor){f->buffer, SINKS_AT, GYRE_F32, {1, 1, 1, 4}, {0}};
}

// The log says which.
static void assert_list_refused(struct fixture *f, const struct list *list, const char *how,
                                const struct gyre_attention_params *params)
{
    char name[64];
    snprintf(name, sizeof(name), "%s %s", list->name, how);
    enum gyre_status status = gyre_attention(f->session.stream, params);
    cr_assert(strstr(f->session.log.text, list->name) != NULL, "%s: the log says \"%s\"", name,
              f->session.log.text);
    assert_refused(f, name, status);
}

static void spoil_list(struct fixture *f, const struct list *list)
{
    struct gyre_attention_params params;
    struct gyre_tensor *tensor = (struct gyre_tensor *)((char *)&params + list->at);
    for (size_t i = 0; i < N_LIST_SPOILINGS; i++) {
        params = f->attention;
        spoil(&list_spoilings[i], tensor);
        assert_list_refused(f, list, list_spoilings[i].name, &params);
    }
    params = f->attention;
    tensor->buffer = f->foreign;
    assert_list_refused(f, list, "of another device", &params);
    params = f->attention;
    tensor->dtype = tensor->dtype == GYRE_I32 ? GYRE_F32 : GYRE_I32;
    assert_list_refused(f, list, "of the other's dtype", &params);
}

static void spoil_lists(struct fixture *f)
{
    add_lists(f);
    for (size_t i = 0; i < N_LISTS; i++)
        spoil_list(f, &lists[i]);
    assert_untouched(f, "a list");
    f->attention.mask = (struct gyre_tensor){0}; // without glslang ALiBi comes without a mask
    cr_assert(gyre_attention(f->session.stream, &f->attention) == GYRE_OK, "%s",
              f->session.log.text);
}

Test(bad_attention, lists)
{
    on_each_device(spoil_lists);
}

// _supported gives the answer of the call, and tensors need no buffer for it.
Test(bad_attention, supported_agrees)
{
    struct fixture f;
    set_up(&f);
    cr_assert(gyre_rope_supported(f.session.device, &f.rope) == GYRE_OK);
    cr_assert(gyre_attention_supported(f.session.device, &f.attention) == GYRE_OK);
    add_lists(&f);
    struct gyre_tensor *tensors[] = {&f.attention.q,        &f.attention.k,
                                     &f.attention.v,        &f.attention.out,
                                     &f.attention.mask,     &f.attention.lse,
                                     &f.attention.scores,   &f.attention.kv_lens,
                                     &f.attention.q_starts, &f.attention.alibi_slopes,
                                     &f.attention.sinks};
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
        tensors[i]->buffer = NULL;
    cr_assert(gyre_attention_supported(f.session.device, &f.attention) == GYRE_OK, "%s",
              f.session.log.text);
    f.attention.k.shape[2] = f.attention.v.shape[2] = 3;
    assert_refused(&f, "heads", gyre_attention_supported(f.session.device, &f.attention));
    tear_down(&f);
}

// Text is cut to its size, and always ended.
Test(bad_attention, explanations_are_cut)
{
    struct fixture f;
    char text[4096];
    set_up(&f);
    cr_assert(gyre_attention_explain(f.session.device, &f.attention, text, sizeof(text)) ==
              GYRE_OK);
    cr_assert(strlen(text) > 16);
    for (size_t size = 1; size < 16; size++) {
        memset(text, 'x', sizeof(text));
        cr_assert(gyre_attention_explain(f.session.device, &f.attention, text, size) == GYRE_OK);
        cr_assert(strlen(text) < size && text[size] == 'x');
        cr_assert(gyre_rope_explain(f.session.device, &f.rope, text, size) == GYRE_OK);
        cr_assert(strlen(text) < size && text[size] == 'x');
    }
    tear_down(&f);
}

// Queries repeated by stride 0, so often that rows of one KV head pass 32 bits.
static void repeat_queries(struct fixture *f)
{
    const uint64_t q_len = UINT64_C(1) << 29, n_heads = 16;
    struct gyre_attention_params params = {
        .q = {f->buffer, 0, GYRE_F32, {1, q_len, n_heads, 8}, {0, 0, 8, 1}},
        .k = {f->buffer, K_AT, GYRE_F32, {1, 4, 1, 8}, {0}},
        .v = {f->buffer, V_AT, GYRE_F32, {1, 4, 1, 8}, {0}},
        .lse = {NULL, 0, GYRE_F32, {1, n_heads, q_len, 1}, {0}},
    };
    enum gyre_status status = gyre_attention_supported(f->session.device, &params);
    cr_assert(status == GYRE_UNSUPPORTED || status == GYRE_INVALID, "%s: %s", f->session.info->id,
              gyre_status_name(status));
    // A GPU may not even see such an lse.
    const char *says = f->session.info->backend == GYRE_BACKEND_CPU ? "rows or heads" : "attention";
    cr_assert(strstr(f->session.log.text, says) != NULL, "%s", f->session.log.text);
}

Test(bad_attention, too_many_rows)
{
    on_each_device(repeat_queries);
}

// Rows of q, k and v one after the other in memory, from an offset that no row is a part of.
static void use_packed(struct fixture *f)
{
    enum { AT = 52, ROW = 3 * 8 };
    const uint64_t shape[4] = {1, 4, 1, 8}, stride[4] = {4 * ROW, ROW, 8, 1};
    struct gyre_tensor *tensors[] = {&f->attention.q, &f->attention.k, &f->attention.v};
    f->attention.mask = f->attention.lse = f->attention.scores = (struct gyre_tensor){0};
    for (size_t i = 0; i < 3; i++) {
        tensors[i]->offset = AT + i * 8 * sizeof(float);
        memcpy(tensors[i]->shape, shape, sizeof(shape));
        memcpy(tensors[i]->stride, stride, sizeof(stride));
    }
    memcpy(f->attention.out.shape, shape, sizeof(shape));
    cr_assert(gyre_attention(f->session.stream, &f->attention) == GYRE_OK, "%s: %s",
              f->session.info->id, f->session.log.text);
    f->rope = (struct gyre_rope_params){
        .table = f->table, .q = f->attention.q, .k = f->attention.k}; // in place
    cr_assert(gyre_rope(f->session.stream, &f->rope) == GYRE_OK, "%s: %s", f->session.info->id,
              f->session.log.text);
    cr_assert(gyre_stream_finish(f->session.stream) == GYRE_OK);
}

Test(bad_attention, packed)
{
    on_each_device(use_packed);
}
