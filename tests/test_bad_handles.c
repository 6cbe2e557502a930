// SPDX-License-Identifier: MIT
// Handles and ranges that no call may take.
#include <criterion/criterion.h>

#include "bad_input.h"

Test(bad_handles, handles_of_another_device)
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

Test(bad_handles, null_handles)
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

Test(bad_handles, buffer_ranges)
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
