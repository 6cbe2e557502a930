// SPDX-License-Identifier: MIT
// Wrong calls: a status, a log line that says why, and nothing written.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/gyre.h>

#include "harness/session.h"

// Where the tensors of a valid call of each operator lie in one buffer; q is at 0.
enum {
    K_AT = 8192,
    V_AT = 16384,
    MASK_AT = 24576,
    POSITIONS_AT = 28672,
    Q_OUT_AT = 32768,
    K_OUT_AT = 40960,
    LSE_AT = 49152,
    SCORES_AT = 57344,
    BUFFER_SIZE = 65536,
    FILL = 0x5a,
};

// Bits of float values.
enum { F32_NAN = 0x7fc00000, F32_INFINITY = 0x7f800000 };
#define F32_MINUS_1 0xbf800000u

struct fixture {
    struct session session, other;
    struct gyre_buffer *buffer, *foreign;
    struct gyre_rope_table *table, *foreign_table;
    struct gyre_rope_params rope;
    struct gyre_attention_params attention;
};

static struct gyre_tensor view(struct gyre_buffer *buffer, uint64_t offset, uint64_t n_heads)
{
    return (struct gyre_tensor){.buffer = buffer, .offset = offset, .shape = {2, 4, n_heads, 8}};
}

static void set_params(struct fixture *f)
{
    struct gyre_buffer *buffer = f->buffer;
    f->rope = (struct gyre_rope_params){
        .table = f->table,
        .q = view(buffer, 0, 4),
        .k = view(buffer, K_AT, 2),
        .q_out = view(buffer, Q_OUT_AT, 4),
        .k_out = view(buffer, K_OUT_AT, 2),
        .positions = {buffer, POSITIONS_AT, GYRE_I32, {1, 1, 1, 4}, {0}},
    };
    f->attention = (struct gyre_attention_params){
        .q = view(buffer, 0, 4),
        .k = view(buffer, K_AT, 2),
        .v = view(buffer, V_AT, 2),
        .mask = {buffer, MASK_AT, GYRE_F32, {1, 1, 4, 4}, {0}},
        .out = view(buffer, Q_OUT_AT, 4),
        .lse = {buffer, LSE_AT, GYRE_F32, {2, 4, 4, 1}, {0}},
        .scores = {buffer, SCORES_AT, GYRE_F32, {2, 4, 4, 4}, {0}},
    };
}

static void set_up_on(struct fixture *f, const char *device)
{
    struct gyre_rope_config config = {.head_dim = 8};
    uint8_t *bytes = malloc(BUFFER_SIZE);
    cr_assert(session_open(&f->session, device) == GYRE_OK);
    cr_assert(session_open(&f->other, device) == GYRE_OK);
    cr_assert(gyre_buffer_create(f->session.device, BUFFER_SIZE, &f->buffer) == GYRE_OK);
    cr_assert(gyre_buffer_create(f->other.device, BUFFER_SIZE, &f->foreign) == GYRE_OK);
    cr_assert(gyre_rope_table_create(f->session.device, &config, &f->table) == GYRE_OK);
    cr_assert(gyre_rope_table_create(f->other.device, &config, &f->foreign_table) == GYRE_OK);
    memset(bytes, FILL, BUFFER_SIZE);
    cr_assert(gyre_buffer_write(f->session.stream, f->buffer, 0, BUFFER_SIZE, bytes) == GYRE_OK);
    free(bytes);
    set_params(f);
}

static void set_up(struct fixture *f)
{
    set_up_on(f, "cpu");
}

static void tear_down(struct fixture *f)
{
    gyre_stream_finish(f->session.stream); // nothing in flight uses what goes now
    gyre_rope_table_destroy(&f->table);
    gyre_rope_table_destroy(&f->foreign_table);
    gyre_buffer_destroy(&f->buffer);
    gyre_buffer_destroy(&f->foreign);
    session_close(&f->session);
    session_close(&f->other);
}

static void assert_untouched(struct fixture *f, const char *name)
{
    uint8_t *bytes = malloc(BUFFER_SIZE);
    cr_assert(gyre_stream_finish(f->session.stream) == GYRE_OK);
    cr_assert(gyre_buffer_read(f->session.stream, f->buffer, 0, BUFFER_SIZE, bytes) == GYRE_OK);
    for (size_t i = 0; i < BUFFER_SIZE; i++)
        cr_assert(bytes[i] == FILL, "%s wrote byte %zu", name, i);
    free(bytes);
}

static void assert_refused(struct fixture *f, const char *name, enum gyre_status status)
{
    cr_assert(status == GYRE_INVALID, "%s gave %s", name, gyre_status_name(status));
    cr_assert(f->session.log.text[0] != '\0', "%s: no log line", name);
    f->session.log.text[0] = '\0';
}

// Every device refuses alike.
static void on_each_device(void (*check)(struct fixture *f))
{
    struct device_set devices = devices_find(NULL);
    for (size_t i = 0; i < devices.n; i++) {
        struct fixture f;
        set_up_on(&f, devices.infos[i].id);
        check(&f);
        tear_down(&f);
    }
    devices_free(&devices);
}

// --- params with one thing wrong

// A change of one field of a params struct.
struct edit {
    size_t at, size; // 0: no edit
    uint64_t value;  // its low bytes; a field larger than 8 bytes becomes all zeros
};

struct spoiling {
    const char *name;
    struct edit edits[4];
};

static void apply(const struct spoiling *spoiling, void *params)
{
    for (size_t i = 0; i < 4; i++) {
        const struct edit *edit = &spoiling->edits[i];
        if (edit->size > sizeof(edit->value))
            memset((char *)params + edit->at, 0, edit->size);
        else
            memcpy((char *)params + edit->at, &edit->value, edit->size);
    }
}

#define EDIT(type, field, to)                                                                      \
    {                                                                                              \
        offsetof(struct type, field), sizeof(((struct type *)NULL)->field), to                     \
    }
#define STRIDES(type, field, batch, token, head, dim)                                              \
    EDIT(type, field.stride[0], batch), EDIT(type, field.stride[1], token),                        \
        EDIT(type, field.stride[2], head), EDIT(type, field.stride[3], dim)

#define ROPE(field, to)                 EDIT(gyre_rope_params, field, to)
#define ROPE_STRIDES(field, a, b, c, d) STRIDES(gyre_rope_params, field, a, b, c, d)
static const struct spoiling rope_spoilings[] = {
    {"no table", {ROPE(table, 0)}},
    {"no q", {ROPE(q, 0)}},
    {"q without a buffer", {ROPE(q.buffer, 0)}},
    {"i32 values", {ROPE(q.dtype, GYRE_I32), ROPE(q_out.dtype, GYRE_I32)}},
    {"no dtype", {ROPE(q.dtype, 77)}},
    {"k of another dtype", {ROPE(k.dtype, GYRE_F16), ROPE(k_out.dtype, GYRE_F16)}},
    {"a result of another dtype", {ROPE(q_out.dtype, GYRE_BF16)}},
    {"another head_dim", {ROPE(q.shape[3], 6), ROPE(q_out.shape[3], 6)}},
    {"k with other tokens", {ROPE(k.shape[1], 3), ROPE(k_out.shape[1], 3)}},
    {"k with another batch", {ROPE(k.shape[0], 1), ROPE(k_out.shape[0], 1)}},
    {"a result of another shape", {ROPE(q_out.shape[2], 3)}},
    {"a strided last axis", {ROPE_STRIDES(q, 256, 64, 16, 2)}},
    {"a repeated result", {ROPE_STRIDES(q_out, 0, 32, 8, 1)}},
    {"a result whose rows overlap", {ROPE_STRIDES(q_out, 128, 32, 4, 1)}},
    {"an offset between elements", {ROPE(q.offset, 2)}},
    {"an offset outside", {ROPE(q.offset, BUFFER_SIZE)}},
    {"an offset that wraps", {ROPE(q.offset, UINT64_MAX - 3)}},
    {"an end outside", {ROPE(q.offset, BUFFER_SIZE - 64)}},
    {"a shape that overflows",
     {ROPE(q.shape[0], UINT64_C(1) << 62), ROPE(q_out.shape[0], UINT64_C(1) << 62),
      ROPE(k.shape[0], UINT64_C(1) << 62), ROPE(k_out.shape[0], UINT64_C(1) << 62)}},
    {"a stride that overflows", {ROPE_STRIDES(q, UINT64_MAX / 2, 32, 8, 1)}},
    {"a result over its input", {ROPE(q_out.offset, 32)}},
    {"results over each other", {ROPE(k_out.offset, Q_OUT_AT)}},
    {"a result over the other input", {ROPE(q_out.offset, K_AT)}},
    {"f32 positions", {ROPE(positions.dtype, GYRE_F32)}},
    {"positions of another batch", {ROPE(positions.shape[2], 3)}},
    {"positions of other tokens", {ROPE(positions.shape[3], 5)}},
    {"positions under a result", {ROPE(positions.offset, Q_OUT_AT)}},
    {"no direction", {ROPE(direction, 9)}},
};

static void spoil_rope(struct fixture *f)
{
    for (size_t i = 0; i < sizeof(rope_spoilings) / sizeof(rope_spoilings[0]); i++) {
        struct gyre_rope_params params = f->rope;
        apply(&rope_spoilings[i], &params);
        assert_refused(f, rope_spoilings[i].name, gyre_rope(f->session.stream, &params));
        assert_untouched(f, rope_spoilings[i].name);
    }
    cr_assert(gyre_rope(f->session.stream, &f->rope) == GYRE_OK, "%s", f->session.log.text);
}

Test(bad_input, rope)
{
    on_each_device(spoil_rope);
}

#define ATTENTION(field, to) EDIT(gyre_attention_params, field, to)
static const struct spoiling attention_spoilings[] = {
    {"kv heads that do not divide", {ATTENTION(k.shape[2], 3), ATTENTION(v.shape[2], 3)}},
    {"no kv heads", {ATTENTION(k.shape[2], 0), ATTENTION(v.shape[2], 0)}},
    {"v with other heads", {ATTENTION(v.shape[2], 4)}},
    {"k with another head_dim", {ATTENTION(k.shape[3], 4)}},
    {"v with another length", {ATTENTION(v.shape[1], 3)}},
    {"k with another batch", {ATTENTION(k.shape[0], 1)}},
    {"no q", {ATTENTION(q, 0)}},
    {"no k", {ATTENTION(k, 0)}},
    {"no v", {ATTENTION(v, 0)}},
    {"no results", {ATTENTION(out, 0), ATTENTION(lse, 0), ATTENTION(scores, 0)}},
    {"out with other heads", {ATTENTION(out.shape[2], 2)}},
    {"out with another dim", {ATTENTION(out.shape[3], 4)}},
    {"u8 queries", {ATTENTION(q.dtype, GYRE_U8)}},
    {"i32 out", {ATTENTION(out.dtype, GYRE_I32)}},
    {"i32 mask", {ATTENTION(mask.dtype, GYRE_I32)}},
    {"a mask of other keys", {ATTENTION(mask.shape[3], 3)}},
    {"a mask of other heads", {ATTENTION(mask.shape[1], 2)}},
    {"f16 lse", {ATTENTION(lse.dtype, GYRE_F16)}},
    {"lse of another shape", {ATTENTION(lse.shape[3], 2)}},
    {"out over q", {ATTENTION(out.offset, 0)}},
    {"out over the mask", {ATTENTION(out.offset, MASK_AT)}},
    {"lse over out", {ATTENTION(lse.offset, Q_OUT_AT + 16)}},
    {"scores of another shape", {ATTENTION(scores.shape[3], 3)}},
    {"no stage", {ATTENTION(scores_stage, 7)}},
    {"no alignment", {ATTENTION(align, 5)}},
    {"a scale of NaN", {ATTENTION(scale, F32_NAN)}},
    {"a soft-cap of infinity", {ATTENTION(softcap, F32_INFINITY)}},
    {"a soft-cap below zero", {ATTENTION(softcap, F32_MINUS_1)}},
    {"out outside", {ATTENTION(out.offset, BUFFER_SIZE - 16)}},
    {"a shape that overflows",
     {ATTENTION(k.shape[1], UINT64_C(1) << 61), ATTENTION(v.shape[1], UINT64_C(1) << 61),
      ATTENTION(mask, 0), ATTENTION(scores, 0)}},
};

static void spoil_attention(struct fixture *f)
{
    for (size_t i = 0; i < sizeof(attention_spoilings) / sizeof(attention_spoilings[0]); i++) {
        struct gyre_attention_params params = f->attention;
        apply(&attention_spoilings[i], &params);
        assert_refused(f, attention_spoilings[i].name, gyre_attention(f->session.stream, &params));
        assert_untouched(f, attention_spoilings[i].name);
    }
    cr_assert(gyre_attention(f->session.stream, &f->attention) == GYRE_OK, "%s",
              f->session.log.text);
}

Test(bad_input, attention)
{
    on_each_device(spoil_attention);
}

Test(bad_input, handles_of_another_device)
{
    struct fixture f;
    set_up(&f);
    struct gyre_rope_params rope = f.rope;
    rope.table = f.foreign_table;
    assert_refused(&f, "a foreign table", gyre_rope(f.session.stream, &rope));
    rope = f.rope;
    rope.q.buffer = f.foreign;
    assert_refused(&f, "a foreign buffer", gyre_rope(f.session.stream, &rope));
    struct gyre_attention_params attention = f.attention;
    attention.mask.buffer = f.foreign;
    assert_refused(&f, "a foreign mask", gyre_attention(f.session.stream, &attention));
    assert_untouched(&f, "a foreign handle");
    tear_down(&f);
}

// --- null handles

Test(bad_input, null_handles)
{
    struct fixture f;
    struct gyre_stream *stream;
    uint32_t word = 0;
    char text[16];
    set_up(&f);
    cr_assert(gyre_rope(NULL, &f.rope) == GYRE_INVALID);
    cr_assert(gyre_rope(f.session.stream, NULL) == GYRE_INVALID);
    cr_assert(gyre_rope_supported(NULL, &f.rope) == GYRE_INVALID);
    cr_assert(gyre_rope_supported(f.session.device, NULL) == GYRE_INVALID);
    cr_assert(gyre_rope_explain(f.session.device, &f.rope, NULL, 16) == GYRE_INVALID);
    cr_assert(gyre_rope_explain(f.session.device, NULL, text, 16) == GYRE_INVALID);
    cr_assert(gyre_attention(NULL, &f.attention) == GYRE_INVALID);
    cr_assert(gyre_attention(f.session.stream, NULL) == GYRE_INVALID);
    cr_assert(gyre_attention_supported(NULL, &f.attention) == GYRE_INVALID);
    cr_assert(gyre_attention_explain(f.session.device, NULL, text, 16) == GYRE_INVALID);
    cr_assert(gyre_device_open(NULL, NULL) == GYRE_INVALID);
    cr_assert(gyre_device_list_create(NULL, NULL) == GYRE_INVALID);
    cr_assert(gyre_stream_create(NULL, &stream) == GYRE_INVALID);
    cr_assert(gyre_stream_create(f.session.device, NULL) == GYRE_INVALID);
    cr_assert(gyre_stream_submit(NULL, NULL) == GYRE_INVALID);
    cr_assert(gyre_stream_finish(NULL) == GYRE_INVALID);
    cr_assert(gyre_buffer_create(f.session.device, 4, NULL) == GYRE_INVALID);
    cr_assert(gyre_buffer_write(f.session.stream, NULL, 0, 4, &word) == GYRE_INVALID);
    cr_assert(gyre_buffer_write(NULL, f.buffer, 0, 4, &word) == GYRE_INVALID);
    cr_assert(gyre_buffer_read(f.session.stream, f.buffer, 0, 4, NULL) == GYRE_INVALID);
    cr_assert(gyre_event_wait(NULL, 0) == GYRE_INVALID);
    cr_assert(gyre_device_get_info(NULL) == NULL && gyre_device_list_count(NULL) == 0);
    gyre_device_destroy(NULL);
    gyre_buffer_destroy(NULL);
    gyre_stream_destroy(NULL);
    gyre_event_destroy(NULL);
    gyre_rope_table_destroy(NULL);
    assert_untouched(&f, "a null handle");
    tear_down(&f);
}

Test(bad_input, buffer_ranges)
{
    struct fixture f;
    struct gyre_buffer *none = NULL;
    uint8_t bytes[16] = {0};
    set_up(&f);
    static const uint64_t ranges[][2] = {
        {BUFFER_SIZE, 1}, {BUFFER_SIZE - 1, 2}, {UINT64_MAX, 1}, {8, UINT64_MAX}, {1, BUFFER_SIZE},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        uint64_t offset = ranges[i][0], size = ranges[i][1];
        assert_refused(&f, "a write outside",
                       gyre_buffer_write(f.session.stream, f.buffer, offset, size, bytes));
        assert_refused(&f, "a read outside",
                       gyre_buffer_read(f.session.stream, f.buffer, offset, size, bytes));
    }
    assert_refused(&f, "a foreign buffer",
                   gyre_buffer_write(f.session.stream, f.foreign, 0, 4, bytes));
    enum gyre_status status = gyre_buffer_create(f.session.device, UINT64_MAX, &none);
    cr_assert((status == GYRE_UNSUPPORTED || status == GYRE_NO_MEMORY) && none == NULL);
    cr_assert(gyre_buffer_create(f.session.device, 0, &none) == GYRE_OK);
    cr_assert(gyre_buffer_write(f.session.stream, none, 0, 0, bytes) == GYRE_OK);
    gyre_buffer_destroy(&none);
    assert_untouched(&f, "a range outside");
    tear_down(&f);
}

Test(bad_input, rope_tables)
{
    static const double bad_freq[4] = {1, NAN, 1, 1};
    static const struct gyre_rope_config configs[] = {
        {.head_dim = 0},
        {.head_dim = 7},
        {.head_dim = 8, .rotary_dim = 3},
        {.head_dim = 8, .rotary_dim = 10},
        {.head_dim = 8, .rotary_dim = 6, .rotary_offset = 4},
        {.head_dim = 8, .rotary_dim = 6, .rotary_offset = UINT32_MAX - 3},
        {.head_dim = 8, .theta = -1},
        {.head_dim = 8, .theta = NAN},
        {.head_dim = 8, .theta = INFINITY},
        {.head_dim = 8, .amplitude = INFINITY},
        {.head_dim = 8, .amplitude = NAN},
        {.head_dim = 8, .inv_freq = bad_freq},
        {.head_dim = 8, .pairing = (enum gyre_rope_pairing)4},
    };
    struct fixture f;
    struct gyre_rope_table *table = NULL;
    set_up(&f);
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        enum gyre_status status = gyre_rope_table_create(f.session.device, &configs[i], &table);
        cr_assert(table == NULL, "configuration %zu", i);
        assert_refused(&f, "a configuration", status);
    }
    cr_assert(gyre_rope_table_create(NULL, &configs[0], &table) == GYRE_INVALID);
    cr_assert(gyre_rope_table_create(f.session.device, NULL, &table) == GYRE_INVALID);
    cr_assert(gyre_rope_table_create(f.session.device, &configs[0], NULL) == GYRE_INVALID);
    tear_down(&f);
}

// _supported gives the answer of the call, and tensors need no buffer for it.
Test(bad_input, supported_agrees)
{
    struct fixture f;
    set_up(&f);
    cr_assert(gyre_rope_supported(f.session.device, &f.rope) == GYRE_OK);
    cr_assert(gyre_attention_supported(f.session.device, &f.attention) == GYRE_OK);
    struct gyre_tensor *tensors[] = {&f.attention.q,     &f.attention.k,    &f.attention.v,
                                     &f.attention.out,   &f.attention.mask, &f.attention.lse,
                                     &f.attention.scores};
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
        tensors[i]->buffer = NULL;
    cr_assert(gyre_attention_supported(f.session.device, &f.attention) == GYRE_OK, "%s",
              f.session.log.text);
    f.attention.k.shape[2] = f.attention.v.shape[2] = 3;
    assert_refused(&f, "heads", gyre_attention_supported(f.session.device, &f.attention));
    tear_down(&f);
}

// Text is cut to its size, and always ended.
Test(bad_input, explanations_are_cut)
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

// --- sizes that are legal, but large

// More tensors than a dispatch of many devices has groups along an axis.
static void rotate_many(struct fixture *f)
{
    enum { N = 70000 };
    struct gyre_buffer *buffer = NULL;
    struct gyre_rope_params params = {.table = f->table, .start = 1};
    float *x = calloc(N, 8 * sizeof(*x));
    cr_assert(x != NULL);
    for (size_t i = 0; i < N; i++)
        x[8 * i] = 1;
    cr_assert(gyre_buffer_create(f->session.device, (uint64_t)N * 32, &buffer) == GYRE_OK);
    cr_assert(gyre_buffer_write(f->session.stream, buffer, 0, (uint64_t)N * 32, x) == GYRE_OK);
    params.q = (struct gyre_tensor){.buffer = buffer, .shape = {N, 1, 1, 8}};
    enum gyre_status status = gyre_rope(f->session.stream, &params);
    bool is_refused = status == GYRE_UNSUPPORTED && f->session.log.text[0] != '\0';
    cr_assert(is_refused || status == GYRE_OK, "%s: %s", f->session.info->id, f->session.log.text);
    cr_assert(gyre_buffer_read(f->session.stream, buffer, 0, (uint64_t)N * 32, x) == GYRE_OK);
    for (size_t i = 0; i < N; i++)
        cr_assert(fabs(x[8 * i] - (is_refused ? 1 : cos(1))) < 1e-5, "%s: tensor %zu",
                  f->session.info->id, i);
    gyre_buffer_destroy(&buffer);
    free(x);
}

Test(bad_input, many_tensors)
{
    on_each_device(rotate_many);
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
    cr_assert(f->session.log.text[0] != '\0');
}

Test(bad_input, too_many_rows)
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

Test(bad_input, packed)
{
    on_each_device(use_packed);
}
