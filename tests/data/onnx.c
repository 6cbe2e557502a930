// SPDX-License-Identifier: MIT
#include "data/onnx.h"

#include <math.h>
#include <string.h>

#include "data/data.h"

enum gyre_dtype onnx_dtype_of(const struct case_tensor *tensor)
{
    if (tensor->array.type == NPY_BOOL)
        return GYRE_U8;
    return tensor->array.type == NPY_F16 ? GYRE_F16 : GYRE_F32;
}

void onnx_copy_tokens(const struct case_tensor *from, bool is_head_major, uint64_t n_batch,
                      uint64_t n_heads, uint64_t dim, uint64_t n_tokens, uint64_t first, double *to)
{
    uint64_t n_from = from->array.n_items / (n_batch * n_heads * dim);
    for (uint64_t b = 0; b < n_batch; b++)
        for (uint64_t t = 0; t < n_from; t++)
            for (uint64_t h = 0; h < n_heads; h++) {
                uint64_t row =
                    is_head_major ? (b * n_heads + h) * n_from + t : (b * n_from + t) * n_heads + h;
                memcpy(to + ((b * n_tokens + first + t) * n_heads + h) * dim,
                       from->values + row * dim, dim * sizeof(*to));
            }
}

void onnx_compare(const struct guarded *got, const double *want, struct bounds bounds,
                  struct result *result)
{
    struct comparison comparison = {.name = got->name, .got = got->values, .want = want};
    memcpy(comparison.shape, got->layout.shape, sizeof(comparison.shape));
    compare_whole(&comparison, bounds, fmax(1, compare_scale(want, guarded_count(got))), result);
}

static const struct onnx_operator *operator_named(const char *name)
{
    static const struct onnx_operator *const all[] = {&onnx_attention, &onnx_rotary};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(name, all[i]->name) == 0)
            return all[i];
    return NULL;
}

static void run_folder(struct session *session, const char *folder, const struct bounds *bounds,
                       struct result *result)
{
    struct case_file file;
    char error[NPY_ERROR_SIZE];
    if (!case_file_read(folder, &file, error)) {
        result_fail(result, "%s", error);
        return;
    }
    const struct onnx_operator *op = operator_named(file.op);
    const char *reason = op != NULL ? op->unsupported(&file) : "gyre has no such operator";
    if (reason != NULL)
        result_skip(result, "%s", reason);
    else
        op->run(session, &file, bounds[onnx_dtype_of(&file.in[0])], result);
    case_file_free(&file);
}

// Expected values come from f32 or f16 arithmetic: as wrong as ours may be. Two correct f16
// implementations differ by a step of f16 (4.9e-4 below 1, 9.8e-4 below 2).
void data_run_onnx(struct session *session, const char *folder, struct result *result)
{
    static const struct bounds bounds[] = {
        [GYRE_F32] = {1e-5, 1e-5}, [GYRE_F16] = {1e-3, 1e-3}, [GYRE_BF16] = {8e-3, 8e-3}};
    run_folder(session, folder, bounds, result);
}

// Expected values are literals of four digits after the point.
void data_run_executorch(struct session *session, const char *folder, struct result *result)
{
    static const struct bounds bounds[] = {
        [GYRE_F32] = {1e-3, 1e-4}, [GYRE_F16] = {1e-3, 1e-3}, [GYRE_BF16] = {8e-3, 8e-3}};
    run_folder(session, folder, bounds, result);
}
