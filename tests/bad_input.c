// SPDX-License-Identifier: MIT
#include "bad_input.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

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

void set_up(struct fixture *f)
{
    set_up_on(f, "cpu");
}

void tear_down(struct fixture *f)
{
    gyre_stream_finish(f->session.stream); // nothing in flight uses what goes now
    gyre_rope_table_destroy(&f->table);
    gyre_rope_table_destroy(&f->foreign_table);
    gyre_buffer_destroy(&f->buffer);
    gyre_buffer_destroy(&f->foreign);
    session_close(&f->session);
    session_close(&f->other);
}

void assert_untouched(struct fixture *f, const char *name)
{
    uint8_t *bytes = malloc(BUFFER_SIZE);
    cr_assert(gyre_stream_finish(f->session.stream) == GYRE_OK);
    cr_assert(gyre_buffer_read(f->session.stream, f->buffer, 0, BUFFER_SIZE, bytes) == GYRE_OK);
    for (size_t i = 0; i < BUFFER_SIZE; i++)
        cr_assert(bytes[i] == FILL, "%s wrote byte %zu", name, i);
    free(bytes);
}

void assert_refused(struct fixture *f, const char *name, enum gyre_status status)
{
    cr_assert(status == GYRE_INVALID, "%s gave %s", name, gyre_status_name(status));
    cr_assert(f->session.log.text[0] != '\0', "%s: no log line", name);
    f->session.log.text[0] = '\0';
}

void on_each_device(void (*check)(struct fixture *f))
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

void spoil(const struct spoiling *spoiling, void *params)
{
    for (size_t i = 0; i < 4; i++) {
        const struct edit *edit = &spoiling->edits[i];
        if (edit->size > sizeof(edit->value))
            memset((char *)params + edit->at, 0, edit->size);
        else
            memcpy((char *)params + edit->at, &edit->value, edit->size);
    }
}

static enum gyre_status call(struct fixture *f, const struct gyre_attention_params *params)
{
    return gyre_attention(f->session.stream, params);
}

static enum gyre_status ask(struct fixture *f, const struct gyre_attention_params *params)
{
    return gyre_attention_supported(f->session.device, params);
}

void assert_bad_attention(struct fixture *f, const char *name,
                          const struct gyre_attention_params *params, const char *says)
{
    enum gyre_status (*const asked[])(struct fixture * f,
                                      const struct gyre_attention_params *params) = {call, ask};
    for (int i = 0; i < 2; i++) {
        enum gyre_status status = asked[i](f, params);
        cr_assert(strstr(f->session.log.text, says) != NULL, "%s: \"%s\" is not in \"%s\"", name,
                  says, f->session.log.text);
        assert_refused(f, name, status);
    }
}

void refuse_attention(struct fixture *f, const struct bad_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct gyre_attention_params params = f->attention;
        spoil(&calls[i].spoiling, &params);
        assert_bad_attention(f, calls[i].spoiling.name, &params, calls[i].says);
        assert_untouched(f, calls[i].spoiling.name);
    }
    enum gyre_status status = gyre_attention(f->session.stream, &f->attention);
    bool may_lack_it = f->session.info->backend == GYRE_BACKEND_VULKAN;
    cr_assert(status == GYRE_OK || (status == GYRE_UNSUPPORTED && may_lack_it), "%s: %s",
              f->session.info->id, f->session.log.text);
}
