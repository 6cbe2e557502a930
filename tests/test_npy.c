// SPDX-License-Identifier: MIT
// The reader and writer of .npy files; hostile ones give an error text.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/npy.h"

// Writes a file of these bytes to a new temporary path.
static void write_bytes(char path[32], const void *bytes, size_t size)
{
    strcpy(path, "/tmp/gyre-npy-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

// A version 1.0 file with this dictionary and `n_data` bytes of zeros.
static void write_file(char path[32], const char *dictionary, size_t n_data)
{
    unsigned char bytes[512] = "\x93NUMPY\x01";
    size_t length = strlen(dictionary);
    bytes[8] = (unsigned char)length;
    memcpy(bytes + 10, dictionary, length);
    write_bytes(path, bytes, 10 + length + n_data);
}

Test(npy, what_is_written_is_read)
{
    int64_t values[6] = {1, -2, 3, INT64_MAX, INT64_MIN, 0};
    struct npy written = {NPY_I64, 2, {2, 3}, 6, values}, read;
    char path[32], error[NPY_ERROR_SIZE] = "";
    write_bytes(path, "", 0);
    cr_assert(npy_write(path, &written, error), "%s", error);
    cr_assert(npy_read(path, &read, error), "%s", error);
    cr_assert(read.type == NPY_I64 && read.rank == 2 && read.shape[0] == 2 && read.shape[1] == 3);
    cr_assert(memcmp(read.data, values, sizeof(values)) == 0);
    npy_free(&read);
    unlink(path);
}

Test(npy, shapes_of_no_and_one_axis)
{
    static const struct {
        const char *text;
        size_t n_bytes, rank, n_items;
    } rows[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 4, 0, 1},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (3,), }\n", 6, 1, 3},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (0, 7), }\n", 0, 2, 0},
        {"{'shape':(2,2),'fortran_order':False,'descr':'<f8'}\n", 32, 2, 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct npy read;
        char path[32], error[NPY_ERROR_SIZE] = "";
        write_file(path, rows[i].text, rows[i].n_bytes);
        cr_assert(npy_read(path, &read, error), "%s", error);
        cr_assert(read.rank == rows[i].rank && read.n_items == rows[i].n_items);
        npy_free(&read);
        unlink(path);
    }
}

Test(npy, lying_headers_are_refused)
{
    static const struct {
        const char *text;
        size_t n_bytes;
    } rows[] = {
        {"", 0},
        {"no dictionary", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 16},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,", 12},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 3}", 12},
        {"{'descr': '<f4', 'fortran_order': False}", 12},
        {"{'descr': '<f4', 'shape': (3,)}", 12},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (3,)}", 12},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (3,)}", 12},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", 24},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", 12},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}", 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct npy read;
        char path[32], error[NPY_ERROR_SIZE] = "";
        write_file(path, rows[i].text, rows[i].n_bytes);
        cr_assert(!npy_read(path, &read, error), "row %zu was accepted", i);
        cr_assert(read.data == NULL && strlen(error) > strlen(path), "row %zu: %s", i, error);
        unlink(path);
    }
}

Test(npy, truncated_files_are_refused)
{
    float values[4] = {1, 2, 3, 4};
    struct npy written = {NPY_F32, 1, {4}, 4, values}, read;
    char path[32], error[NPY_ERROR_SIZE] = "";
    unsigned char bytes[256];
    write_bytes(path, "", 0);
    cr_assert(npy_write(path, &written, error), "%s", error);
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    unlink(path);
    for (size_t n = 0; n < size; n++) {
        write_bytes(path, bytes, n);
        cr_assert(!npy_read(path, &read, error), "%zu bytes of %zu were accepted", n, size);
        unlink(path);
    }
}

// Any byte of the header changed: an error or a file, never a crash.
Test(npy, damaged_headers_do_not_crash)
{
    const char *text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
    for (size_t at = 0; at < strlen(text); at++)
        for (int byte = 0; byte < 256; byte += 5) {
            struct npy read;
            char path[32], damaged[128], error[NPY_ERROR_SIZE];
            strcpy(damaged, text);
            damaged[at] = (char)byte;
            write_file(path, damaged, 24);
            if (npy_read(path, &read, error))
                npy_free(&read);
            unlink(path);
        }
}

Test(npy, a_missing_file_says_so)
{
    struct npy read;
    char error[NPY_ERROR_SIZE] = "";
    cr_assert(!npy_read("/nowhere/at/all.npy", &read, error));
    cr_assert(strstr(error, "/nowhere/at/all.npy") != NULL);
}
