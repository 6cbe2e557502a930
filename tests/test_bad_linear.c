// SPDX-License-Identifier: MIT
// Wrong calls of gyre_linear_attention: a status, a log line, and nothing written.
#include <criterion/criterion.h>
#include <string.h>

#include "bad_input.h"

// Where the sums lie in the fixture's buffer.
enum { PAST_STATE_AT = MASK_AT, PAST_NORM_AT = K_OUT_AT, STATE_AT = LSE_AT, NORM_AT = SCORES_AT };

static struct gyre_tensor heads(const struct fixture *f, uint64_t offset, uint64_t n_heads)
{
    return (struct gyre_tensor){f->buffer, offset, GYRE_F32, {2, 4, n_heads, 8}, {0}};
}

static struct gyre_linear_attention_params valid_params(const struct fixture *f)
{
    return (struct gyre_linear_attention_params){
        .q = heads(f, 0, 4),
        .k = heads(f, K_AT, 2),
        .v = heads(f, V_AT, 2),
        .out = heads(f, Q_OUT_AT, 4),
        .state = {f->buffer, STATE_AT, GYRE_F32, {2, 2, 8, 8}, {0}},
        .norm = {f->buffer, NORM_AT, GYRE_F32, {2, 2, 8, 1}, {0}},
        .past_state = {f->buffer, PAST_STATE_AT, GYRE_F32, {2, 2, 8, 8}, {0}},
        .past_norm = {f->buffer, PAST_NORM_AT, GYRE_F32, {2, 2, 8, 1}, {0}},
        .rope = f->table,
        .is_causal = true,
    };
}

#define LINEAR(field, to) EDIT(gyre_linear_attention_params, field, to)
static const struct spoiling spoilings[] = {
    {"kv heads that do not divide",
     {LINEAR(k.shape[2], 3), LINEAR(v.shape[2], 3), LINEAR(state, 0), LINEAR(norm, 0)}},
    {"no kv heads",
     {LINEAR(k.shape[2], 0), LINEAR(v.shape[2], 0), LINEAR(state.shape[1], 0),
      LINEAR(norm.shape[1], 0)}},
    {"v with other heads", {LINEAR(v.shape[2], 4)}},
    {"v with another length", {LINEAR(v.shape[1], 3)}},
    {"v with another batch", {LINEAR(v.shape[0], 1)}},
    {"q with another head_dim", {LINEAR(q.shape[3], 4)}},
    {"q with another batch", {LINEAR(q.shape[0], 1)}},
    {"no k", {LINEAR(k, 0)}},
    {"no v", {LINEAR(v, 0)}},
    {"no q", {LINEAR(q, 0)}},
    {"no out", {LINEAR(out, 0)}},
    {"no results", {LINEAR(q, 0), LINEAR(out, 0), LINEAR(state, 0), LINEAR(norm, 0)}},
    {"no state", {LINEAR(state, 0)}},
    {"no norm", {LINEAR(norm, 0)}},
    {"no past_state", {LINEAR(past_state, 0)}},
    {"no past_norm", {LINEAR(past_norm, 0)}},
    {"out with other heads", {LINEAR(out.shape[2], 2)}},
    {"out with another length", {LINEAR(out.shape[1], 3)}},
    {"out with another dim", {LINEAR(out.shape[3], 4)}},
    {"state of q's heads", {LINEAR(state.shape[1], 4)}},
    {"state of another head_dim", {LINEAR(state.shape[2], 4)}},
    {"state of another dim", {LINEAR(state.shape[3], 4)}},
    {"state of another batch", {LINEAR(state.shape[0], 1)}},
    {"norm along the last axis", {LINEAR(norm.shape[2], 1), LINEAR(norm.shape[3], 8)}},
    {"past_state of q's heads", {LINEAR(past_state.shape[1], 4)}},
    {"past_norm of another head_dim", {LINEAR(past_norm.shape[2], 4)}},
    {"u8 queries", {LINEAR(q.dtype, GYRE_U8)}},
    {"i32 keys", {LINEAR(k.dtype, GYRE_I32)}},
    {"i64 out", {LINEAR(out.dtype, GYRE_I64)}},
    {"f16 state", {LINEAR(state.dtype, GYRE_F16)}},
    {"bf16 norm", {LINEAR(norm.dtype, GYRE_BF16)}},
    {"f16 past_state", {LINEAR(past_state.dtype, GYRE_F16)}},
    {"out over q", {LINEAR(out.offset, 0)}},
    {"out over past_state", {LINEAR(out.offset, PAST_STATE_AT + 16)}},
    {"state over v", {LINEAR(state.offset, V_AT)}},
    {"state over a part of past_state", {LINEAR(state.offset, PAST_STATE_AT + 4)}},
    {"state over past_norm", {LINEAR(state.offset, PAST_NORM_AT)}},
    {"norm over state", {LINEAR(norm.offset, STATE_AT + 64)}},
    {"norm over past_state", {LINEAR(norm.offset, PAST_STATE_AT)}},
    {"state over past_state with other strides",
     {LINEAR(state.offset, PAST_STATE_AT), LINEAR(past_state.stride[1], 64),
      LINEAR(past_state.stride[2], 8), LINEAR(past_state.stride[3], 1)}},
    {"a state that repeats",
     {LINEAR(state.stride[1], 64), LINEAR(state.stride[2], 8), LINEAR(state.stride[3], 1)}},
    {"no alignment", {LINEAR(align, 5)}},
    {"queries past the last position", {LINEAR(q_start, INT32_MAX - 2)}},
    {"keys past the last position", {LINEAR(k_start, INT32_MAX)}},
    {"queries before the first position",
     {LINEAR(align, GYRE_ALIGN_END), LINEAR(q_start, INT32_MIN), LINEAR(k_start, -1)}},
    {"out outside", {LINEAR(out.offset, BUFFER_SIZE - 16)}},
    {"past_norm outside", {LINEAR(past_norm.offset, BUFFER_SIZE - 4)}},
    {"k between two elements", {LINEAR(k.offset, K_AT + 2)}},
    {"a shape that overflows",
     {LINEAR(k.shape[1], UINT64_C(1) << 61), LINEAR(v.shape[1], UINT64_C(1) << 61)}},
};

static void expect_refused(struct fixture *f, const char *name,
                           const struct gyre_linear_attention_params *params)
{
    assert_refused(f, name, gyre_linear_attention(f->session.stream, params));
    assert_untouched(f, name);
}

static void spoil_table(struct fixture *f)
{
    struct gyre_linear_attention_params params = valid_params(f);
    struct gyre_rope_table *other;
    params.rope = f->foreign_table;
    expect_refused(f, "a table of another device", &params);
    cr_assert(gyre_rope_table_create(f->session.device, &(struct gyre_rope_config){.head_dim = 16},
                                     &other) == GYRE_OK);
    params.rope = other;
    expect_refused(f, "a table of another head_dim", &params);
    gyre_rope_table_destroy(&other);
}

static void spoil_linear(struct fixture *f)
{
    struct gyre_linear_attention_params params;
    for (size_t i = 0; i < sizeof(spoilings) / sizeof(spoilings[0]); i++) {
        params = valid_params(f);
        spoil(&spoilings[i], &params);
        expect_refused(f, spoilings[i].name, &params);
    }
    params = valid_params(f);
    params.past_state.buffer = f->foreign;
    expect_refused(f, "a buffer of another device", &params);
    expect_refused(f, "no params", NULL);
    spoil_table(f);
    params = valid_params(f);
    cr_assert(gyre_linear_attention(f->session.stream, &params) == GYRE_OK, "%s",
              f->session.log.text);
}

Test(bad_linear, params)
{
    on_each_device(spoil_linear);
}

// _supported gives the answer of the call, and tensors need no buffer for it.
Test(bad_linear, supported_agrees)
{
    struct fixture f;
    set_up(&f);
    struct gyre_linear_attention_params params = valid_params(&f);
    struct gyre_tensor *tensors[] = {&params.q,          &params.k,        &params.v,
                                     &params.out,        &params.state,    &params.norm,
                                     &params.past_state, &params.past_norm};
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
        tensors[i]->buffer = NULL;
    cr_assert(gyre_linear_attention_supported(f.session.device, &params) == GYRE_OK, "%s",
              f.session.log.text);
    cr_assert(gyre_linear_attention_supported(NULL, &params) == GYRE_INVALID);
    cr_assert(gyre_linear_attention(NULL, &params) == GYRE_INVALID);
    params.v.shape[2] = 3;
    assert_refused(&f, "heads", gyre_linear_attention_supported(f.session.device, &params));
    tear_down(&f);
}

// What 32 bits do not count is no mistake, but no kernel serves it.
static void ask_for_too_many(struct fixture *f)
{
    const struct gyre_tensor few = {.shape = {65536, 1, 32768, 1}};
    const struct gyre_tensor many = {.shape = {65536, 1, 65536, 1}};
    const struct gyre_tensor sums = {.shape = {65536, 65536, 1, 1}};
    const struct gyre_tensor wide = {.shape = {1, 1, 1, 65536}}; // whose sums are too many
    const struct gyre_linear_attention_params calls[] = {
        {.q = wide, .k = wide, .v = wide, .out = wide},
        {.q = many, .k = few, .v = few, .out = many},
        {.k = many, .v = many, .state = sums, .norm = sums},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        enum gyre_status status = gyre_linear_attention_supported(f->session.device, &calls[i]);
        cr_assert(status == GYRE_UNSUPPORTED, "%s: %s", gyre_status_name(status),
                  f->session.log.text);
        cr_assert(f->session.log.text[0] != '\0');
        f->session.log.text[0] = '\0';
    }
}

Test(bad_linear, too_many)
{
    on_each_device(ask_for_too_many);
}

// Text is cut to its size, and always ended.
Test(bad_linear, explanations_are_cut)
{
    struct fixture f;
    char text[4096];
    set_up(&f);
    const struct gyre_linear_attention_params params = valid_params(&f);
    cr_assert(gyre_linear_attention_explain(f.session.device, &params, text, sizeof(text)) ==
              GYRE_OK);
    cr_assert(strstr(text, "linear_state") != NULL, "%s", text);
    for (size_t size = 1; size < 16; size++) {
        memset(text, 'x', sizeof(text));
        cr_assert(gyre_linear_attention_explain(f.session.device, &params, text, size) == GYRE_OK);
        cr_assert(strlen(text) < size && text[size] == 'x');
    }
    assert_refused(&f, "no text",
                   gyre_linear_attention_explain(f.session.device, &params, NULL, 4));
    tear_down(&f);
}
