// SPDX-License-Identifier: MIT
#include "harness/npy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/common.h>

static const struct {
    const char *descr, *name;
    size_t size;
} types[NPY_N_TYPES] = {
    [NPY_F16] = {"<f2", "float16", 2}, [NPY_F32] = {"<f4", "float32", 4},
    [NPY_F64] = {"<f8", "float64", 8}, [NPY_I32] = {"<i4", "int32", 4},
    [NPY_I64] = {"<i8", "int64", 8},   [NPY_U8] = {"|u1", "uint8", 1},
    [NPY_BOOL] = {"|b1", "bool", 1},
};

static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

enum { MAX_HEADER = 65536, ALIGNMENT = 64 };

size_t npy_type_size(enum npy_type type)
{
    return types[type].size;
}

const char *npy_type_name(enum npy_type type)
{
    return types[type].name;
}

__attribute__((format(printf, 2, 3))) static bool fail(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, NPY_ERROR_SIZE, format, args);
    va_end(args);
    return false;
}

// The text after "'key':" in the header's dictionary; NULL when the key is missing.
static const char *value_of(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof(quoted), "'%s'", key);
    const char *at = strstr(header, quoted);
    if (at == NULL)
        return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    if (*at != ':')
        return NULL;
    return at + 1 + strspn(at + 1, " ");
}

static bool parse_type(const char *header, struct npy *out, char *error)
{
    const char *text = value_of(header, "descr");
    if (text == NULL || *text != '\'')
        return fail(error, "its header has no 'descr'");
    for (int i = 0; i < NPY_N_TYPES; i++) {
        if (strncmp(text + 1, types[i].descr, 3) == 0 && text[4] == '\'') {
            out->type = (enum npy_type)i;
            return true;
        }
    }
    return fail(error, "element type %.8s is not one of f2 f4 f8 i4 i8 u1 b1, little endian", text);
}

// Reads "(2, 3)", "(4,)" or "()" and multiplies it out.
static bool parse_shape(const char *header, struct npy *out, char *error)
{
    const char *text = value_of(header, "shape");
    if (text == NULL || *text++ != '(')
        return fail(error, "its header has no 'shape'");
    out->n_items = 1;
    for (text += strspn(text, " ,"); *text >= '0' && *text <= '9'; text += strspn(text, " ,")) {
        char *end;
        unsigned long long n = strtoull(text, &end, 10);
        if (out->rank == NPY_MAX_RANK)
            return fail(error, "it has more than %d axes", NPY_MAX_RANK);
        if (n != 0 && out->n_items > SIZE_MAX / 8 / n)
            return fail(error, "the product of its shape overflows");
        out->shape[out->rank++] = n;
        out->n_items *= (size_t)n;
        text = end;
    }
    return *text == ')' || fail(error, "its 'shape' is not a tuple of numbers");
}

static bool parse_header(const char *header, struct npy *out, char *error)
{
    const char *order = value_of(header, "fortran_order");
    if (order == NULL)
        return fail(error, "its header has no 'fortran_order'");
    if (strncmp(order, "False", 5) != 0)
        return fail(error, "it is in Fortran order; only C order is read");
    return parse_type(header, out, error) && parse_shape(header, out, error);
}

// Reads the header into `header`, ended by 0, and leaves the file at the data.
static bool read_header(FILE *file, char *header, char *error)
{
    unsigned char start[12];
    if (fread(start, 1, 10, file) != 10 || memcmp(start, magic, sizeof(magic)) != 0)
        return fail(error, "it is not a .npy file");
    int version = start[6];
    size_t length = start[8] | (size_t)start[9] << 8;
    if (version != 1 && version != 2)
        return fail(error, "version %d.%d of the format is not 1.0 or 2.0", version, start[7]);
    if (version == 2) {
        if (fread(start + 10, 1, 2, file) != 2)
            return fail(error, "it ends inside its header");
        length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (length >= MAX_HEADER)
        return fail(error, "its header claims %zu bytes", length);
    if (fread(header, 1, length, file) != length)
        return fail(error, "it ends inside its header");
    header[length] = '\0';
    return true;
}

// Bytes from here to the end of the file; -1 when it cannot tell.
static long bytes_left(FILE *file)
{
    long here = ftell(file);
    if (here < 0 || fseek(file, 0, SEEK_END) != 0)
        return -1;
    long end = ftell(file);
    return end >= here && fseek(file, here, SEEK_SET) == 0 ? end - here : -1;
}

static bool read_data(FILE *file, struct npy *out, char *error)
{
    size_t size = out->n_items * types[out->type].size;
    long left = bytes_left(file);
    if (left < 0 || (size_t)left != size)
        return fail(error, "its shape needs %zu bytes, the file holds %ld", size, left);
    out->data = malloc(size + 1); // never 0
    if (out->data == NULL)
        return fail(error, "no memory for %zu bytes", size);
    return fread(out->data, 1, size, file) == size || fail(error, "reading failed");
}

bool npy_read(const char *path, struct npy *out, char error[NPY_ERROR_SIZE])
{
    char why[NPY_ERROR_SIZE / 2] = "";
    memset(out, 0, sizeof(*out));
    FILE *file = fopen(path, "rb");
    char *header = malloc(MAX_HEADER);
    bool is_read = file != NULL && header != NULL && read_header(file, header, error) &&
                   parse_header(header, out, error) && read_data(file, out, error);
    if (file == NULL)
        fail(error, "cannot be opened");
    else
        fclose(file);
    free(header);
    if (!is_read) {
        npy_free(out);
        snprintf(why, sizeof(why), "%s", error);
        fail(error, "%.120s: %s", path, why);
    }
    return is_read;
}

static bool write_header(FILE *file, const struct npy *array)
{
    char text[512];
    int length = snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          types[array->type].descr);
    for (size_t i = 0; i < array->rank; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length, "%llu, ",
                           (unsigned long long)array->shape[i]);
    length += snprintf(text + length, sizeof(text) - (size_t)length, "), }");
    // Spaces and a newline bring the data to a multiple of the alignment.
    size_t total = ((size_t)length + 11 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t padded = total - 10;
    unsigned char start[10] = {
        0, 0, 0, 0, 0, 0, 1, 0, (unsigned char)(padded & 255), (unsigned char)(padded >> 8)};
    memcpy(start, magic, sizeof(magic));
    return fwrite(start, 1, sizeof(start), file) == sizeof(start) &&
           fprintf(file, "%-*s\n", (int)padded - 1, text) == (int)padded;
}

bool npy_write(const char *path, const struct npy *array, char error[NPY_ERROR_SIZE])
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return fail(error, "%.200s: cannot be created", path);
    size_t size = array->n_items * types[array->type].size;
    bool is_written = write_header(file, array) && fwrite(array->data, 1, size, file) == size;
    is_written = fclose(file) == 0 && is_written;
    return is_written || fail(error, "%.200s: writing failed", path);
}

void npy_free(struct npy *array)
{
    free(array->data);
    memset(array, 0, sizeof(*array));
}

static double item(const struct npy *array, size_t i)
{
    double value = 0;
    switch (array->type) {
    case NPY_F16:
        gyre_dtype_to_double(GYRE_F16, (const uint16_t *)array->data + i, &value, 1);
        return value;
    case NPY_F32:
        return ((const float *)array->data)[i];
    case NPY_F64:
        return ((const double *)array->data)[i];
    case NPY_I32:
        return ((const int32_t *)array->data)[i];
    case NPY_I64:
        return (double)((const int64_t *)array->data)[i];
    default:
        return ((const uint8_t *)array->data)[i];
    }
}

double *npy_to_doubles(const struct npy *array)
{
    double *values = malloc((array->n_items + 1) * sizeof(*values));
    for (size_t i = 0; values != NULL && i < array->n_items; i++)
        values[i] = item(array, i);
    return values;
}
