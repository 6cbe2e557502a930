// SPDX-License-Identifier: MIT
#include "openblas.h"

#include <stdio.h>

#if GYRE_HAVE_OPENBLAS
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

static const char library[] = "libopenblas.so.0";

struct openblas {
    void *handle;
    __typeof__(cblas_sgemm) *gemm;
    __typeof__(cblas_sgemv) *gemv;
    __typeof__(openblas_get_config) *describe;
    __typeof__(openblas_set_num_threads) *set_threads;
};

static bool find(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, sizeof(symbol));
    return symbol != NULL;
}

struct openblas *openblas_open(char *why, size_t size)
{
    struct openblas *blas = calloc(1, sizeof(*blas));
    void *handle = blas != NULL ? dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;
    if (handle != NULL && find(handle, "cblas_sgemm", &blas->gemm) &&
        find(handle, "cblas_sgemv", &blas->gemv) &&
        find(handle, "openblas_get_config", &blas->describe) &&
        find(handle, "openblas_set_num_threads", &blas->set_threads)) {
        blas->handle = handle;
        blas->set_threads(1);
        return blas;
    }
    snprintf(why, size, "%s; on Debian: apt install libopenblas0",
             blas != NULL ? dlerror() : "no memory");
    if (handle != NULL)
        dlclose(handle);
    free(blas);
    return NULL;
}

void openblas_close(struct openblas **blas)
{
    if (*blas == NULL)
        return;
    dlclose((*blas)->handle);
    free(*blas);
    *blas = NULL;
}

const char *openblas_describe(const struct openblas *blas)
{
    return blas->describe();
}

// One row of A: a product of the matrix B and a vector.
static void multiply_row(const struct openblas *blas, const struct product *p)
{
    if (p->is_b_transposed)
        blas->gemv(CblasRowMajor, CblasNoTrans, (int)p->n, (int)p->k, p->alpha, p->b, (int)p->b_ld,
                   p->a, 1, 0, p->c, 1);
    else
        blas->gemv(CblasRowMajor, CblasTrans, (int)p->k, (int)p->n, p->alpha, p->b, (int)p->b_ld,
                   p->a, 1, 0, p->c, 1);
}

void openblas_multiply(const struct openblas *blas, const struct product *p)
{
    if (p->m == 1)
        multiply_row(blas, p);
    else
        blas->gemm(CblasRowMajor, CblasNoTrans, p->is_b_transposed ? CblasTrans : CblasNoTrans,
                   (int)p->m, (int)p->n, (int)p->k, p->alpha, p->a, (int)p->a_ld, p->b,
                   (int)p->b_ld, 0, p->c, (int)p->c_ld);
}
#else
struct openblas *openblas_open(char *why, size_t size)
{
    snprintf(why, size,
             "this gyre was built without it; on Debian: apt install libopenblas-dev, "
             "then meson setup --reconfigure -Dopenblas=enabled BUILD");
    return NULL;
}

void openblas_close(struct openblas **blas)
{
    *blas = NULL;
}

const char *openblas_describe(const struct openblas *blas)
{
    (void)blas;
    return "";
}

void openblas_multiply(const struct openblas *blas, const struct product *product)
{
    (void)blas;
    (void)product;
}
#endif
