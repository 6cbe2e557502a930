// SPDX-License-Identifier: MIT
// Wrong calls of gyre_attention_merge: a status, a log line, and nothing written.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bad_input.h"

// A valid call: three parts of (2, 4, 4, 8), whose tensors lie in the fixture's buffer.
enum { N_PARTS = 3, OUT_SIZE = 2 * 4 * 4 * 8 * 4, LSE_SIZE = 2 * 4 * 4 * 4 };
enum { PART_OUT_AT = 0, PART_LSE_AT = 8192, PART_STEP = 16384, SINKS_AT = 12288 };
enum { OUT_AT = 49152, RESULT_LSE_AT = 57344 };

// Params and what they point to, so that both can be spoiled.
struct call {
    struct gyre_attention_part parts[N_PARTS];
    struct gyre_attention_merge_params params;
};

static struct call make_call(const struct fixture *f)
{
    struct gyre_buffer *buffer = f->buffer;
    struct call call = {.params = {
                            .n_parts = N_PARTS,
                            .sinks = {buffer, SINKS_AT, GYRE_F32, {1, 1, 1, 4}, {0}},
                            .out = {buffer, OUT_AT, GYRE_F32, {2, 4, 4, 8}, {0}},
                            .lse = {buffer, RESULT_LSE_AT, GYRE_F32, {2, 4, 4, 1}, {0}},
                        }};
    for (uint64_t i = 0; i < N_PARTS; i++) {
        call.parts[i].out = call.params.out;
        call.parts[i].out.offset = PART_OUT_AT + i * PART_STEP;
        call.parts[i].lse = call.params.lse;
        call.parts[i].lse.offset = PART_LSE_AT + i * PART_STEP;
    }
    return call;
}

#define CALL(field, to) EDIT(call, field, to)
static const struct spoiling spoilings[] = {
    {"no number of parts", {CALL(params.n_parts, 0)}},
    {"no results", {CALL(params.out, 0), CALL(params.lse, 0)}},
    {"a part without lse", {CALL(parts[1].lse, 0)}},
    {"a first part without lse", {CALL(parts[0].lse, 0)}},
    {"a part without out", {CALL(parts[2].out, 0)}},
    {"a first part without out", {CALL(parts[0].out, 0)}},
    {"a part of other heads", {CALL(parts[1].out.shape[2], 2), CALL(parts[1].lse.shape[1], 2)}},
    {"a part of other queries", {CALL(parts[1].out.shape[1], 3), CALL(parts[1].lse.shape[2], 3)}},
    {"a part of another batch", {CALL(parts[1].out.shape[0], 1), CALL(parts[1].lse.shape[0], 1)}},
    {"a part of another v_dim", {CALL(parts[1].out.shape[3], 4)}},
    {"a part's lse of other queries", {CALL(parts[2].lse.shape[2], 3)}},
    {"a part's lse with a last axis", {CALL(parts[0].lse.shape[3], 2)}},
    {"a part of another dtype", {CALL(parts[1].out.dtype, GYRE_F16)}},
    {"parts of bytes",
     {CALL(parts[0].out.dtype, GYRE_U8), CALL(parts[1].out.dtype, GYRE_U8),
      CALL(parts[2].out.dtype, GYRE_U8)}},
    {"a part's lse of f16", {CALL(parts[1].lse.dtype, GYRE_F16)}},
    {"a part's lse of no dtype", {CALL(parts[1].lse.dtype, 77)}},
    {"a part outside", {CALL(parts[2].out.offset, BUFFER_SIZE - 16)}},
    {"a part between two elements", {CALL(parts[2].out.offset, 2)}},
    {"a part whose shape overflows", {CALL(parts[1].out.shape[1], UINT64_C(1) << 61)}},
    {"out of other heads", {CALL(params.out.shape[2], 2)}},
    {"out of another v_dim", {CALL(params.out.shape[3], 4)}},
    {"out of i32", {CALL(params.out.dtype, GYRE_I32)}},
    {"out that writes twice", {STRIDES(call, params.out, 128, 0, 8, 1)}},
    {"out outside", {CALL(params.out.offset, BUFFER_SIZE - 16)}},
    {"lse of other heads", {CALL(params.lse.shape[1], 2)}},
    {"lse of bf16", {CALL(params.lse.dtype, GYRE_BF16)}},
    {"lse with a last axis", {CALL(params.lse.shape[3], 2)}},
    {"out over the end of a part", {CALL(params.out.offset, PART_STEP + OUT_SIZE - 4)}},
    {"out over a part, of another dtype",
     {CALL(params.out.offset, PART_STEP), CALL(params.out.dtype, GYRE_F16)}},
    {"out over a part's lse", {CALL(params.out.offset, PART_LSE_AT)}},
    {"out over the sinks", {CALL(params.out.offset, SINKS_AT + 12)}},
    {"lse over the end of a part's", {CALL(params.lse.offset, PART_LSE_AT + LSE_SIZE - 4)}},
    {"lse over a part's out", {CALL(params.lse.offset, 2 * PART_STEP)}},
    {"lse over out", {CALL(params.lse.offset, OUT_AT + 16)}},
    {"lse over the sinks", {CALL(params.lse.offset, SINKS_AT)}},
    {"sinks of other heads", {CALL(params.sinks.shape[3], 5)}},
    {"sinks along heads", {CALL(params.sinks.shape[3], 1), CALL(params.sinks.shape[1], 4)}},
    {"sinks of f16", {CALL(params.sinks.dtype, GYRE_F16)}},
    {"sinks outside", {CALL(params.sinks.offset, BUFFER_SIZE - 4)}},
};
enum { N_SPOILINGS = sizeof(spoilings) / sizeof(spoilings[0]) };

// Both entry points: what is refused is not supported.
static void assert_call_refused(struct fixture *f, const char *name, struct call *call)
{
    call->params.parts = call->parts;
    assert_refused(f, name, gyre_attention_merge(f->session.stream, &call->params));
    assert_refused(f, name, gyre_attention_merge_supported(f->session.device, &call->params));
}

static void spoil_calls(struct fixture *f)
{
    struct call call;
    for (size_t i = 0; i < N_SPOILINGS; i++) {
        call = make_call(f);
        spoil(&spoilings[i], &call);
        assert_call_refused(f, spoilings[i].name, &call);
    }
    assert_untouched(f, "a merge");
    call = make_call(f);
    call.params.parts = call.parts;
    cr_assert(gyre_attention_merge(f->session.stream, &call.params) == GYRE_OK, "%s",
              f->session.log.text);
}

Test(bad_attention_merge, params)
{
    on_each_device(spoil_calls);
}

static void use_foreign(struct fixture *f)
{
    struct call call;
    struct gyre_tensor *const tensors[] = {&call.parts[0].out, &call.parts[2].lse,
                                           &call.params.sinks, &call.params.out, &call.params.lse};
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++) {
        call = make_call(f);
        tensors[i]->buffer = f->foreign;
        assert_call_refused(f, "a buffer of another device", &call);
    }
    assert_untouched(f, "a merge");
}

Test(bad_attention_merge, buffers_of_another_device)
{
    on_each_device(use_foreign);
}

// Exactly a part's tensor is in place; the same memory with heads and queries exchanged is not.
static void use_part_as_out(struct fixture *f)
{
    static const uint64_t exchanged[4] = {128, 8, 32, 1};
    struct call call = make_call(f);
    call.params.out = call.parts[1].out;
    memcpy(call.params.out.stride, exchanged, sizeof(exchanged));
    assert_call_refused(f, "out over a part by other strides", &call);
    assert_untouched(f, "a merge");
    call.params.out = call.parts[1].out;
    call.params.lse = call.parts[2].lse;
    cr_assert(gyre_attention_merge(f->session.stream, &call.params) == GYRE_OK, "%s",
              f->session.log.text);
}

Test(bad_attention_merge, almost_in_place)
{
    on_each_device(use_part_as_out);
}

Test(bad_attention_merge, null)
{
    struct fixture f;
    char text[8];
    set_up(&f);
    struct call call = make_call(&f);
    assert_refused(&f, "parts", gyre_attention_merge(f.session.stream, &call.params)); // NULL
    assert_refused(&f, "params", gyre_attention_merge(f.session.stream, NULL));
    assert_refused(&f, "params", gyre_attention_merge_supported(f.session.device, NULL));
    call.params.parts = call.parts;
    cr_assert(gyre_attention_merge(NULL, &call.params) == GYRE_INVALID);
    cr_assert(gyre_attention_merge_supported(NULL, &call.params) == GYRE_INVALID);
    cr_assert(gyre_attention_merge_explain(NULL, &call.params, text, 8) == GYRE_INVALID);
    assert_refused(&f, "text",
                   gyre_attention_merge_explain(f.session.device, &call.params, NULL, 8));
    assert_untouched(&f, "NULL");
    tear_down(&f);
}

// The log says which part, and what of it.
Test(bad_attention_merge, the_log_names_the_part)
{
    struct fixture f;
    set_up(&f);
    struct call call = make_call(&f);
    call.params.parts = call.parts;
    call.parts[2].lse.shape[1] = 3;
    gyre_attention_merge(f.session.stream, &call.params);
    cr_assert(strstr(f.session.log.text, "parts[2].lse: shape[1] is 3") != NULL, "%s",
              f.session.log.text);
    tear_down(&f);
}

// A valid call without buffers; where no out is asked for, the parts' are not looked at.
Test(bad_attention_merge, supported_needs_no_buffers)
{
    struct fixture f;
    set_up(&f);
    struct call call = make_call(&f);
    call.params.parts = call.parts;
    call.params.out.buffer = call.params.lse.buffer = call.params.sinks.buffer = NULL;
    for (size_t i = 0; i < N_PARTS; i++)
        call.parts[i].out.buffer = call.parts[i].lse.buffer = NULL;
    cr_assert(gyre_attention_merge_supported(f.session.device, &call.params) == GYRE_OK, "%s",
              f.session.log.text);
    call = make_call(&f);
    call.params.parts = call.parts;
    call.params.out = call.parts[0].out = (struct gyre_tensor){0};
    call.parts[1].out.dtype = GYRE_I64;
    cr_assert(gyre_attention_merge(f.session.stream, &call.params) == GYRE_OK, "%s",
              f.session.log.text);
    tear_down(&f);
}

// Text is cut to its size, and always ended.
Test(bad_attention_merge, explanations_are_cut)
{
    struct fixture f;
    char text[1024];
    set_up(&f);
    struct call call = make_call(&f);
    call.params.parts = call.parts;
    struct gyre_device *device = f.session.device;
    cr_assert(gyre_attention_merge_explain(device, &call.params, text, sizeof(text)) == GYRE_OK);
    cr_assert(strstr(text, "parts: 3") != NULL && strstr(text, "scratch") != NULL, "%s", text);
    for (size_t size = 1; size < 16; size++) {
        memset(text, 'x', sizeof(text));
        cr_assert(gyre_attention_merge_explain(device, &call.params, text, size) == GYRE_OK);
        cr_assert(strlen(text) < size && text[size] == 'x');
    }
    tear_down(&f);
}

// More rows than are counted, all of them the same one of the part.
static void repeat_rows(struct fixture *f)
{
    const uint64_t q_len = UINT64_C(1) << 30;
    const struct gyre_attention_part part = {
        .lse = {f->buffer, 0, GYRE_F32, {3, 1, q_len, 1}, {0, 0, 0, 1}}};
    const struct gyre_attention_merge_params params = {
        .parts = &part,
        .n_parts = 1,
        .lse = {NULL, 0, GYRE_F32, {3, 1, q_len, 1}, {0}},
    };
    enum gyre_status status = gyre_attention_merge_supported(f->session.device, &params);
    cr_assert(status == GYRE_UNSUPPORTED, "%s: %s\n%s", f->session.info->id,
              gyre_status_name(status), f->session.log.text);
}

Test(bad_attention_merge, too_many_rows)
{
    on_each_device(repeat_rows);
}
