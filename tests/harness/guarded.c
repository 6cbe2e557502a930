// SPDX-License-Identifier: MIT
#include "harness/guarded.h"

#include <stdlib.h>
#include <string.h>

enum { GUARD_SIZE = 1024, GUARD_BYTE = 0xff };

static void store(enum gyre_dtype dtype, double value, void *dst)
{
    // Converted only where the dtype holds the value: others may hold infinities.
    if (dtype == GYRE_I32)
        memcpy(dst, &(int32_t){(int32_t)value}, sizeof(int32_t));
    else if (dtype == GYRE_I64)
        memcpy(dst, &(int64_t){(int64_t)value}, sizeof(int64_t));
    else if (dtype == GYRE_U8)
        memcpy(dst, &(uint8_t){(uint8_t)value}, sizeof(uint8_t));
    else
        gyre_dtype_from_double(dtype, &value, dst, 1);
}

static double load(enum gyre_dtype dtype, const void *src)
{
    int32_t i32;
    int64_t i64;
    double value = 0;
    switch (dtype) {
    case GYRE_I32:
        memcpy(&i32, src, sizeof(i32));
        return i32;
    case GYRE_I64:
        memcpy(&i64, src, sizeof(i64));
        return (double)i64;
    case GYRE_U8:
        return *(const uint8_t *)src;
    default:
        gyre_dtype_to_double(dtype, src, &value, 1);
        return value;
    }
}

size_t guarded_count(const struct guarded *guarded)
{
    const uint64_t *shape = guarded->layout.shape;
    return (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
}

static void set_strides(const struct guarded_layout *layout, uint64_t stride[4])
{
    uint64_t row = layout->shape[3] + layout->row_gap;
    int inner = layout->is_head_major ? 1 : 2, outer = 3 - inner;
    stride[3] = 1;
    stride[inner] = row;
    stride[outer] = row * layout->shape[inner];
    stride[0] = row * layout->shape[1] * layout->shape[2];
}

// Byte in the buffer of element i of the dense order.
static size_t place_of(const struct guarded *guarded, size_t i)
{
    const struct gyre_tensor *tensor = &guarded->tensor;
    const uint64_t *shape = guarded->layout.shape;
    uint64_t element = 0;
    for (int axis = 3; axis >= 0; axis--) {
        element += i % shape[axis] * tensor->stride[axis];
        i /= (size_t)shape[axis];
    }
    return (size_t)(tensor->offset + element * gyre_dtype_size(tensor->dtype));
}

static void fill_image(struct guarded *guarded, const double *values)
{
    enum gyre_dtype dtype = guarded->layout.dtype;
    memset(guarded->image, GUARD_BYTE, (size_t)guarded->size);
    for (size_t i = 0; values != NULL && i < guarded_count(guarded); i++) {
        uint8_t *at = guarded->image + place_of(guarded, i);
        store(dtype, values[i], at);
        guarded->values[i] = load(dtype, at);
    }
}

enum gyre_status guarded_create(struct session *session, const char *name,
                                const struct guarded_layout *layout, const double *values,
                                struct guarded *guarded)
{
    struct gyre_tensor *tensor = &guarded->tensor;
    size_t element = gyre_dtype_size(layout->dtype);
    *guarded = (struct guarded){.name = name, .layout = *layout};
    memcpy(tensor->shape, layout->shape, sizeof(tensor->shape));
    tensor->dtype = layout->dtype;
    tensor->offset = GUARD_SIZE + (layout->is_unaligned ? element : 0);
    set_strides(layout, tensor->stride);
    guarded->size = tensor->offset + tensor->stride[0] * layout->shape[0] * element + GUARD_SIZE;
    guarded->image = malloc((size_t)guarded->size);
    guarded->values = calloc(guarded_count(guarded) + 1, sizeof(*guarded->values));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (guarded->image != NULL && guarded->values != NULL)
        status = gyre_buffer_create(session->device, guarded->size, &tensor->buffer);
    if (status == GYRE_OK) {
        fill_image(guarded, values);
        status =
            gyre_buffer_write(session->stream, tensor->buffer, 0, guarded->size, guarded->image);
    }
    if (status != GYRE_OK)
        guarded_destroy(guarded);
    return status;
}

void guarded_destroy(struct guarded *guarded)
{
    gyre_buffer_destroy(&guarded->tensor.buffer);
    free(guarded->image);
    free(guarded->values);
    memset(guarded, 0, sizeof(*guarded));
}

// Takes the values out of `bytes` and leaves guard bytes where they were.
static void take_values(struct guarded *guarded, uint8_t *bytes)
{
    enum gyre_dtype dtype = guarded->layout.dtype;
    for (size_t i = 0; i < guarded_count(guarded); i++) {
        uint8_t *at = bytes + place_of(guarded, i);
        guarded->values[i] = load(dtype, at);
        memset(at, GUARD_BYTE, gyre_dtype_size(dtype));
    }
}

static void check_bytes(const struct guarded *guarded, const uint8_t *bytes, struct result *result)
{
    bool is_input = guarded->layout.use == GUARDED_INPUT;
    for (uint64_t i = 0; i < guarded->size; i++) {
        if (bytes[i] == (is_input ? guarded->image[i] : GUARD_BYTE))
            continue;
        result_fail(result, "%s: byte %lld of the tensor's %s was written", guarded->name,
                    (long long)(i - guarded->tensor.offset), is_input ? "input" : "surroundings");
        return;
    }
}

void guarded_read(struct session *session, struct guarded *guarded, struct result *result)
{
    uint8_t *bytes = malloc((size_t)guarded->size);
    enum gyre_status status = GYRE_NO_MEMORY;
    if (bytes != NULL)
        status = gyre_buffer_read(session->stream, guarded->tensor.buffer, 0, guarded->size, bytes);
    if (status != GYRE_OK) {
        result_fail_status(result, "gyre_buffer_read", status, session->log.text);
    } else {
        if (guarded->layout.use != GUARDED_INPUT)
            take_values(guarded, bytes);
        check_bytes(guarded, bytes, result);
    }
    free(bytes);
}
