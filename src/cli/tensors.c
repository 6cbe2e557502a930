// SPDX-License-Identifier: MIT
#include "tensors.h"

#include <stdlib.h>
#include <string.h>

#include <gyre/buffer.h>

#include "command.h"
#include "harness/npy.h"

uint64_t tensor_count(const struct gyre_tensor *tensor)
{
    return tensor->shape[0] * tensor->shape[1] * tensor->shape[2] * tensor->shape[3];
}

int held_create(struct opened *opened, enum gyre_dtype dtype, const uint64_t shape[4], size_t rank,
                struct held *out)
{
    *out = (struct held){.tensor = {.dtype = dtype}, .rank = rank};
    memcpy(out->tensor.shape, shape, sizeof(out->tensor.shape));
    uint64_t size = tensor_count(&out->tensor) * gyre_dtype_size(dtype);
    enum gyre_status status = gyre_buffer_create(opened->session.device, size, &out->tensor.buffer);
    return status == GYRE_OK ? CODE_OK : complain_status(opened, "making a buffer", status);
}

static int held_write(struct opened *opened, const struct held *held, const void *data)
{
    const struct gyre_tensor *tensor = &held->tensor;
    uint64_t size = tensor_count(tensor) * gyre_dtype_size(tensor->dtype);
    enum gyre_status status =
        gyre_buffer_write(opened->session.stream, tensor->buffer, 0, size, data);
    return status == GYRE_OK ? CODE_OK : complain_status(opened, "writing a buffer", status);
}

// Makes a tensor of `dtype` from the array's values, converting where the types differ.
static int upload(struct opened *opened, const struct npy *array, enum gyre_dtype dtype,
                  const uint64_t shape[4], struct held *out)
{
    void *converted = NULL;
    int code = held_create(opened, dtype, shape, array->rank, out);
    if (code == CODE_OK && array->type == NPY_F64) {
        converted = malloc(array->n_items * gyre_dtype_size(dtype) + 1);
        if (converted == NULL)
            return complain(CODE_DEVICE, "no memory for %zu numbers", array->n_items);
        gyre_dtype_from_double(dtype, array->data, converted, array->n_items);
    }
    if (code == CODE_OK)
        code = held_write(opened, out, converted != NULL ? converted : array->data);
    free(converted);
    return code;
}

static int read_array(const char *path, size_t min_rank, size_t max_rank, struct npy *array)
{
    char error[NPY_ERROR_SIZE];
    if (!npy_read(path, array, error))
        return complain(CODE_DEVICE, "%s", error);
    if (array->rank >= min_rank && array->rank <= max_rank)
        return CODE_OK;
    complain(0, "%s: it has %zu axes; wanted are %zu to %zu", path, array->rank, min_rank,
             max_rank);
    npy_free(array);
    return CODE_DEVICE;
}

static bool float_dtype(enum npy_type type, enum gyre_dtype *dtype)
{
    *dtype = type == NPY_F16 ? GYRE_F16 : GYRE_F32;
    return type == NPY_F16 || type == NPY_F32 || type == NPY_F64;
}

// (token, dim) has one head, so that the missing axis is the third, not the second.
static void place_axes(const struct npy *array, uint64_t shape[4])
{
    size_t rank = array->rank;
    shape[0] = rank == 4 ? array->shape[0] : 1;
    shape[1] = array->shape[rank == 4];
    shape[2] = rank > 2 ? array->shape[rank - 2] : 1;
    shape[3] = array->shape[rank - 1];
}

int held_load(struct opened *opened, const char *path, struct held *out)
{
    struct npy array;
    enum gyre_dtype dtype;
    uint64_t shape[4];
    int code = read_array(path, 2, 4, &array);
    if (code != CODE_OK)
        return code;
    place_axes(&array, shape);
    if (float_dtype(array.type, &dtype))
        code = upload(opened, &array, dtype, shape, out);
    else
        code = complain(CODE_DEVICE, "%s: it holds %s; wanted are floats", path,
                        npy_type_name(array.type));
    npy_free(&array);
    return code;
}

int held_load_mask(struct opened *opened, const char *path, struct held *out)
{
    struct npy array;
    enum gyre_dtype dtype;
    uint64_t shape[4] = {1, 1, 1, 1};
    int code = read_array(path, 2, 4, &array);
    if (code != CODE_OK)
        return code;
    for (size_t i = 0; i < array.rank; i++)
        shape[4 - array.rank + i] = array.shape[i];
    bool is_float = float_dtype(array.type, &dtype);
    if (is_float || array.type == NPY_U8 || array.type == NPY_BOOL)
        code = upload(opened, &array, is_float ? dtype : GYRE_U8, shape, out);
    else
        code = complain(CODE_DEVICE, "%s: it holds %s; wanted are floats, bool or uint8", path,
                        npy_type_name(array.type));
    npy_free(&array);
    return code;
}

// Replaces the array's data by i32.
static int narrow(const char *path, struct npy *array)
{
    if (array->type == NPY_I32)
        return CODE_OK;
    if (array->type != NPY_I64)
        return complain(CODE_DEVICE, "%s: it holds %s; wanted are int32 or int64", path,
                        npy_type_name(array->type));
    int64_t *wide = array->data;
    int32_t *narrowed = array->data; // item i never reaches an unread one
    for (size_t i = 0; i < array->n_items; i++) {
        int64_t value = wide[i];
        if (value < INT32_MIN || value > INT32_MAX)
            return complain(CODE_DEVICE, "%s: position %lld does not fit 32 bits", path,
                            (long long)value);
        memcpy(&narrowed[i], &(int32_t){(int32_t)value}, sizeof(int32_t));
    }
    array->type = NPY_I32;
    return CODE_OK;
}

int held_load_positions(struct opened *opened, const char *path, struct held *out)
{
    struct npy array;
    int code = read_array(path, 1, 2, &array);
    if (code != CODE_OK)
        return code;
    const uint64_t shape[4] = {1, 1, array.rank == 2 ? array.shape[0] : 1,
                               array.shape[array.rank - 1]};
    code = narrow(path, &array);
    if (code == CODE_OK)
        code = upload(opened, &array, GYRE_I32, shape, out);
    npy_free(&array);
    return code;
}

void *held_read(struct opened *opened, const struct held *held)
{
    const struct gyre_tensor *tensor = &held->tensor;
    uint64_t size = tensor_count(tensor) * gyre_dtype_size(tensor->dtype);
    void *data = malloc((size_t)size + 1);
    enum gyre_status status = GYRE_NO_MEMORY;
    if (data != NULL)
        status = gyre_buffer_read(opened->session.stream, tensor->buffer, 0, size, data);
    if (status == GYRE_OK)
        return data;
    complain_status(opened, "reading a buffer", status);
    free(data);
    return NULL;
}

// The axes of the file: the last ones, except that (token, dim) has lost its heads.
static void shape_file(const struct held *held, struct npy *array)
{
    const uint64_t *shape = held->tensor.shape;
    array->rank = held->rank;
    for (size_t i = 0; i < held->rank; i++)
        array->shape[i] = shape[4 - held->rank + i];
    if (held->rank == 2 && shape[2] == 1)
        array->shape[0] = shape[1];
}

int held_save(struct opened *opened, const struct held *held, const char *path)
{
    char error[NPY_ERROR_SIZE];
    struct npy array = {.type = held->tensor.dtype == GYRE_F16 ? NPY_F16 : NPY_F32,
                        .n_items = (size_t)tensor_count(&held->tensor),
                        .data = held_read(opened, held)};
    shape_file(held, &array);
    if (array.data == NULL)
        return CODE_DEVICE;
    bool is_written = npy_write(path, &array, error);
    npy_free(&array);
    return is_written ? CODE_OK : complain(CODE_DEVICE, "%s", error);
}

void held_free(struct held *held)
{
    gyre_buffer_destroy(&held->tensor.buffer);
    *held = (struct held){0};
}
