// SPDX-License-Identifier: MIT
// RoPE and causal attention on the best device there is: 16 tokens, 4 query heads, 2 KV heads.
#include <gyre/gyre.h>

#include <stdio.h>
#include <stdlib.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum gyre_status status_ = (call);                                                         \
        if (status_ != GYRE_OK) {                                                                  \
            fprintf(stderr, "%s: %s\n", #call, gyre_status_name(status_));                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { TOKENS = 16, HEADS = 4, KV_HEADS = 2, DIM = 32 };

// A tensor (1, TOKENS, heads, DIM) of f32 in a buffer of its own, filled with some numbers.
static struct gyre_tensor make(struct gyre_stream *stream, struct gyre_device *device,
                               uint64_t heads)
{
    struct gyre_tensor tensor = {.shape = {1, TOKENS, heads, DIM}};
    float data[TOKENS * HEADS * DIM];
    for (int i = 0; i < TOKENS * HEADS * DIM; i++)
        data[i] = (float)(i * 37 % 101) / 101 - 0.5f;
    uint64_t size = TOKENS * heads * DIM * sizeof(float);
    TRY(gyre_buffer_create(device, size, &tensor.buffer));
    TRY(gyre_buffer_write(stream, tensor.buffer, 0, size, data));
    return tensor;
}

int main(void)
{
    struct gyre_device *device;
    struct gyre_stream *stream;
    struct gyre_rope_table *table;
    TRY(gyre_device_open(NULL, &device)); // the best one, or what GYRE_DEVICE names
    TRY(gyre_stream_create(device, &stream));
    TRY(gyre_rope_table_create(device, &(struct gyre_rope_config){.head_dim = DIM}, &table));

    struct gyre_tensor q = make(stream, device, HEADS), k = make(stream, device, KV_HEADS);
    struct gyre_tensor v = make(stream, device, KV_HEADS), out = make(stream, device, HEADS);
    TRY(gyre_rope(stream, &(struct gyre_rope_params){.table = table, .q = q, .k = k}));
    TRY(gyre_attention(stream, &(struct gyre_attention_params){
                                   .q = q, .k = k, .v = v, .out = out, .is_causal = true}));

    float result[DIM];
    TRY(gyre_buffer_read(stream, out.buffer, 0, sizeof(result), result));
    printf("%s: out[0..3] = %g %g %g %g\n", gyre_device_get_info(device)->name, (double)result[0],
           (double)result[1], (double)result[2], (double)result[3]);

    struct gyre_buffer *buffers[] = {q.buffer, k.buffer, v.buffer, out.buffer};
    for (int i = 0; i < 4; i++)
        gyre_buffer_destroy(&buffers[i]);
    gyre_rope_table_destroy(&table);
    gyre_stream_destroy(&stream);
    gyre_device_destroy(&device);
    return 0;
}
