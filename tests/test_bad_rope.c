// SPDX-License-Identifier: MIT
// Wrong calls of gyre_rope: a status, a log line that names what is wrong, and nothing written.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bad_input.h"

#define ROPE(field, to)                 EDIT(gyre_rope_params, field, to)
#define ROPE_STRIDES(field, a, b, c, d) STRIDES(gyre_rope_params, field, a, b, c, d)

static const struct bad_call bad_calls[] = {
    {"table", {"no table", {ROPE(table, 0)}}},
    {"q is absent", {"no q", {ROPE(q, 0)}}},
    {"q:", {"q without a buffer", {ROPE(q.buffer, 0)}}},
    {"q:", {"i32 values", {ROPE(q.dtype, GYRE_I32), ROPE(q_out.dtype, GYRE_I32)}}},
    {"q:", {"no dtype", {ROPE(q.dtype, 77)}}},
    {"k is f16", {"k of another dtype", {ROPE(k.dtype, GYRE_F16), ROPE(k_out.dtype, GYRE_F16)}}},
    {"q_out is bf16", {"a result of another dtype", {ROPE(q_out.dtype, GYRE_BF16)}}},
    {"q:", {"another head_dim", {ROPE(q.shape[3], 6), ROPE(q_out.shape[3], 6)}}},
    {"k:", {"k with other tokens", {ROPE(k.shape[1], 3), ROPE(k_out.shape[1], 3)}}},
    {"k:", {"k with another batch", {ROPE(k.shape[0], 1), ROPE(k_out.shape[0], 1)}}},
    {"k_out without k", {"a result of nothing", {ROPE(k, 0)}}},
    {"q_out:", {"a result of another shape", {ROPE(q_out.shape[2], 3)}}},
    {"q:", {"a strided last axis", {ROPE_STRIDES(q, 256, 64, 16, 2)}}},
    {"q_out:", {"a repeated result", {ROPE_STRIDES(q_out, 0, 32, 8, 1)}}},
    {"q_out:", {"a result whose rows overlap", {ROPE_STRIDES(q_out, 128, 32, 4, 1)}}},
    {"q:", {"an offset between elements", {ROPE(q.offset, 2)}}},
    {"q:", {"an offset outside", {ROPE(q.offset, BUFFER_SIZE)}}},
    {"q:", {"an offset that wraps", {ROPE(q.offset, UINT64_MAX - 3)}}},
    {"q:", {"an end outside", {ROPE(q.offset, BUFFER_SIZE - 64)}}},
    {"q:",
     {"a shape that overflows",
      {ROPE(q.shape[0], UINT64_C(1) << 62), ROPE(q_out.shape[0], UINT64_C(1) << 62),
       ROPE(k.shape[0], UINT64_C(1) << 62), ROPE(k_out.shape[0], UINT64_C(1) << 62)}}},
    {"q:", {"a stride that overflows", {ROPE_STRIDES(q, UINT64_MAX / 2, 32, 8, 1)}}},
    {"q_out overlaps q", {"a result over its input", {ROPE(q_out.offset, 32)}}},
    {"q_out overlaps k_out", {"results over each other", {ROPE(k_out.offset, Q_OUT_AT)}}},
    {"q_out overlaps k", {"a result over the other input", {ROPE(q_out.offset, K_AT)}}},
    {"direction", {"no direction", {ROPE(direction, 9)}}},

    {"positions:", {"f32 positions", {ROPE(positions.dtype, GYRE_F32)}}},
    {"positions:", {"positions of bytes", {ROPE(positions.dtype, GYRE_U8)}}},
    {"positions:", {"two tensors of positions", {ROPE(positions.shape[0], 2)}}},
    {"positions:", {"positions of two axes", {ROPE(positions.shape[1], 2)}}},
    {"positions:", {"positions of another batch", {ROPE(positions.shape[2], 3)}}},
    {"positions:", {"positions of other tokens", {ROPE(positions.shape[3], 5)}}},
    {"positions:", {"positions of some tokens", {ROPE(positions.shape[3], 2)}}},
    {"positions:", {"no positions", {ROPE(positions.shape[3], 0)}}},
    {"positions:", {"positions without a buffer", {ROPE(positions.buffer, 0)}}},
    {"positions:", {"strided positions", {ROPE_STRIDES(positions, 8, 8, 8, 2)}}},
    {"positions:",
     {"i64 positions between elements",
      {ROPE(positions.dtype, GYRE_I64), ROPE(positions.offset, POSITIONS_AT + 4)}}},
    {"q_out overlaps positions", {"positions under a result", {ROPE(positions.offset, Q_OUT_AT)}}},

    {"sin is absent", {"cos without sin", {ROPE(sin, 0)}}},
    {"cos is absent", {"sin without cos", {ROPE(cos, 0)}}},
    {"cos and sin", {"cos and sin of different dtypes", {ROPE(sin.dtype, GYRE_F16)}}},
    {"cos and sin", {"cos and sin of different strides", {ROPE_STRIDES(sin, 128, 128, 8, 1)}}},
    {"cos and sin", {"cos and sin of different lengths", {ROPE(sin.shape[2], 15)}}},
    {"cos:", {"i32 cosines", {ROPE(cos.dtype, GYRE_I32), ROPE(sin.dtype, GYRE_I32)}}},
    {"sin:", {"i32 sines", {ROPE(sin.dtype, GYRE_I32)}}},
    {"cos:", {"cosines of other pairs", {ROPE(cos.shape[3], 3), ROPE(sin.shape[3], 3)}}},
    {"sin:", {"sines of other pairs", {ROPE(sin.shape[3], 8)}}},
    {"cos:", {"two caches", {ROPE(cos.shape[0], 2), ROPE(sin.shape[0], 2)}}},
    {"cos:", {"cosines of another batch", {ROPE(cos.shape[1], 3), ROPE(sin.shape[1], 3)}}},
    {"cos:", {"cosines without a buffer", {ROPE(cos.buffer, 0)}}},
    {"sin:", {"sines without a buffer", {ROPE(sin.buffer, 0)}}},
    {"cos:", {"cosines outside", {ROPE(cos.offset, BUFFER_SIZE - 64)}}},
    {"sin:", {"strided sines", {ROPE_STRIDES(sin, 128, 128, 8, 2)}}},
    {"q_out overlaps cos", {"cosines under q's result", {ROPE(cos.offset, Q_OUT_AT)}}},
    {"q_out overlaps sin", {"sines under q's result", {ROPE(sin.offset, Q_OUT_AT)}}},
    {"k_out overlaps cos", {"cosines under k's result", {ROPE(cos.offset, K_OUT_AT)}}},
    {"k_out overlaps sin", {"sines under k's result", {ROPE(sin.offset, K_OUT_AT)}}},
};

// The fixture's call, with a cache of 16 positions.
static struct gyre_rope_params good_call(const struct fixture *f)
{
    struct gyre_rope_params params = f->rope;
    params.cos = (struct gyre_tensor){.buffer = f->buffer, .offset = V_AT, .shape = {1, 1, 16, 4}};
    params.sin = params.cos;
    params.sin.offset = MASK_AT;
    return params;
}

static void assert_bad(struct fixture *f, const char *name, const struct gyre_rope_params *params,
                       const char *says)
{
    f->session.log.text[0] = '\0';
    enum gyre_status status = gyre_rope(f->session.stream, params);
    cr_assert(strstr(f->session.log.text, says) != NULL, "%s: \"%s\" is not in \"%s\"", name, says,
              f->session.log.text);
    assert_refused(f, name, status);
    assert_untouched(f, name);
}

static void spoil_rope(struct fixture *f)
{
    for (size_t i = 0; i < sizeof(bad_calls) / sizeof(bad_calls[0]); i++) {
        struct gyre_rope_params params = good_call(f);
        spoil(&bad_calls[i].spoiling, &params);
        assert_bad(f, bad_calls[i].spoiling.name, &params, bad_calls[i].says);
    }
    const struct gyre_rope_params params = good_call(f);
    cr_assert(gyre_rope(f->session.stream, &params) == GYRE_OK, "%s", f->session.log.text);
    cr_assert(gyre_rope(f->session.stream, &f->rope) == GYRE_OK, "%s", f->session.log.text);
}

Test(bad_rope, params)
{
    on_each_device(spoil_rope);
}

// A table whose positions have three coordinates.
static void spoil_axes(struct fixture *f)
{
    const struct gyre_rope_config config = {
        .head_dim = 8, .axes = GYRE_ROPE_SECTIONS, .sections = {2, 1, 1}};
    struct gyre_rope_table *table = NULL;
    cr_assert(gyre_rope_table_create(f->session.device, &config, &table) == GYRE_OK);
    struct gyre_rope_params params = good_call(f);
    params.table = table;
    assert_bad(f, "a cache for several axes", &params, "cache");
    params.cos = params.sin = (struct gyre_tensor){0};
    params.positions.shape[1] = 2;
    assert_bad(f, "positions of too few axes", &params, "positions:");
    params.positions.shape[1] = 4;
    assert_bad(f, "positions of too many axes", &params, "positions:");
    for (uint64_t n_axes = 1; n_axes <= 3; n_axes += 2) {
        params.positions.shape[1] = n_axes;
        cr_assert(gyre_rope(f->session.stream, &params) == GYRE_OK, "%s", f->session.log.text);
    }
    cr_assert(gyre_stream_finish(f->session.stream) == GYRE_OK);
    gyre_rope_table_destroy(&table);
}

Test(bad_rope, axes)
{
    on_each_device(spoil_axes);
}

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

Test(bad_rope, many_tensors)
{
    on_each_device(rotate_many);
}
