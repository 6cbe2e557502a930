// SPDX-License-Identifier: MIT
#include "attention_study.h"

#include <stdlib.h>

#include "attention_rows.h"
#include "command.h"
#include "head_set.h"

struct look {
    const struct heat_grid *grid;
    struct head_study *head;
};

static void look_at(void *user, const struct row_block *block)
{
    const struct look *look = user;
    for (uint64_t i = 0; i < block->n; i++) {
        const float *probs = block->probs + i * block->n_keys;
        entropy_add(&look->head->entropy, probs, block->n_keys);
        if (look->head->cells != NULL)
            heat_cells_add(look->grid, block->first + i, probs, look->head->cells);
    }
}

// A head of tensors that do not fit each other could look as if they did.
static int check_whole(struct opened *opened, const struct gyre_attention_params *params)
{
    const uint64_t *q = params->q.shape;
    struct gyre_attention_params whole = *params;
    whole.out = whole.lse = (struct gyre_tensor){0};
    whole.scores =
        (struct gyre_tensor){.dtype = GYRE_F32, .shape = {q[0], q[2], q[1], params->k.shape[1]}};
    enum gyre_status status = gyre_attention_supported(opened->session.device, &whole);
    return status == GYRE_INVALID ? complain_status(opened, "attention", status) : CODE_OK;
}

static int check(const struct gyre_attention_params *params, const struct study_options *options)
{
    uint64_t n_batch = params->q.shape[0], n_heads = params->q.shape[2];
    uint64_t n_kv_heads = params->k.shape[2];
    if (n_kv_heads == 0 || n_heads == 0 || n_heads % n_kv_heads != 0)
        return complain(CODE_USAGE, "%llu KV heads do not divide %llu query heads",
                        (unsigned long long)n_kv_heads, (unsigned long long)n_heads);
    if (n_heads > INT32_MAX)
        return complain(CODE_USAGE, "%llu heads are too many", (unsigned long long)n_heads);
    if (options->batch >= n_batch)
        return complain(CODE_USAGE, "there is no batch element %u; there are %llu", options->batch,
                        (unsigned long long)n_batch);
    if (params->q.shape[1] == 0 || params->k.shape[1] == 0)
        return complain(CODE_USAGE, "there is nothing to look at: %llu queries on %llu keys",
                        (unsigned long long)params->q.shape[1],
                        (unsigned long long)params->k.shape[1]);
    return CODE_OK;
}

// Which heads are looked at, and which of them are drawn.
static int choose(const struct gyre_attention_params *params, const struct study_options *options,
                  struct study *study)
{
    const uint32_t n_heads = (uint32_t)params->q.shape[2];
    const bool is_every = options->is_full && options->heads == NULL;
    struct head_set set;
    int code = head_set_make(options->heads, n_heads, &set);
    study->heads = calloc(n_heads, sizeof(*study->heads));
    if (code == CODE_OK && study->heads == NULL)
        code = complain(CODE_DEVICE, "no memory for %u heads", n_heads);
    if (code == CODE_OK && options->map != NULL) {
        study->n_drawn = set.n_chosen;
        study->grid = heat_grid_plan(set.n_chosen, params->q.shape[1], params->k.shape[1]);
    }
    for (uint32_t head = 0; code == CODE_OK && head < n_heads; head++) {
        struct head_study *next = &study->heads[study->n];
        if (!is_every && !set.is_chosen[head])
            continue;
        study->n++;
        next->head = head;
        if (options->map != NULL && set.is_chosen[head] &&
            (next->cells = heat_cells_create(&study->grid)) == NULL)
            code = complain(CODE_DEVICE, "no memory for the picture");
    }
    head_set_free(&set);
    return code;
}

int study_make(struct opened *opened, const struct gyre_attention_params *params,
               const struct study_options *options, struct study *study)
{
    *study = (struct study){0};
    int code = check(params, options);
    if (code == CODE_OK)
        code = check_whole(opened, params);
    if (code == CODE_OK)
        code = choose(params, options, study);
    for (uint32_t i = 0; code == CODE_OK && i < study->n; i++) {
        struct look look = {&study->grid, &study->heads[i]};
        code =
            attention_rows_visit(opened, params, options->batch, look.head->head, look_at, &look);
    }
    return code;
}

void study_free(struct study *study)
{
    for (uint32_t i = 0; i < study->n; i++)
        free(study->heads[i].cells);
    free(study->heads);
    *study = (struct study){0};
}
