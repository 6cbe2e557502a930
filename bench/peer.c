// SPDX-License-Identifier: MIT
#include "peer.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <pthreadpool.h>

#include <gyre/buffer.h>

#include "harness/compare.h"
#include "memory.h"

struct peer {
    const struct openblas *blas;
    pthreadpool_t pool;
    struct gyre_attention_params params; // shapes and rules
    size_t n_batch, n_heads, n_kv_heads, q_len, kv_len, head_dim, v_dim;
    size_t n_threads, n_copies, next;
    int64_t start;         // where query 0 stands
    float *q;              // (n_batch, q_len, n_heads, head_dim)
    float *k, *v;          // (n_copies, n_batch, kv_len, n_kv_heads, head_dim or v_dim)
    float *out;            // (n_batch, q_len, n_heads, v_dim)
    float *scores;         // (n_threads, q_len, kv_len)
    atomic_flag *is_taken; // (n_threads): which of them
};

// What run_head knows, of dense tensors. What it is not told of, the comparison would show.
static bool is_plain(const struct attention_case *row)
{
    bool is_dense = !row->is_head_major && row->row_gap == 0 && !row->is_v_in_k;
    bool is_by_sequence = row->kv_lens != NULL || row->q_starts != NULL;
    bool is_modified = row->scale != 0 || row->softcap != 0 || row->mask != ATTENTION_MASK_NONE ||
                       row->has_alibi || row->has_sinks;
    return is_dense && !is_by_sequence && !is_modified && row->window_keep == 0 &&
           row->n_prefix == 0;
}

const char *peer_refuse(const struct bench_row *row, const struct case_dtypes *dtypes)
{
    if (row->rope.name != NULL)
        return "it has no RoPE";
    if (row->linear.name != NULL)
        return "it has no linear attention";
    if (row->merge.name != NULL)
        return "it has no merging";
    if (dtypes->q != GYRE_F32 || dtypes->k != GYRE_F32 || dtypes->v != GYRE_F32)
        return "its products are of f32";
    if (!is_plain(&row->attention))
        return "only for plain attention";
    return NULL;
}

// --- one head

// Keys that a query sees: [*lo, *hi).
static void visible(const struct peer *peer, size_t query, size_t *lo, size_t *hi)
{
    const struct gyre_attention_params *params = &peer->params;
    const int64_t n = (int64_t)peer->kv_len, at = peer->start + (int64_t)query;
    int64_t first = 0, end = n;
    if (params->window_left != 0 && at - params->window_left + 1 > first)
        first = at - params->window_left + 1;
    if (params->is_causal && at + 1 < end)
        end = at + 1;
    if (params->window_right != 0 && at + params->window_right < end)
        end = at + params->window_right;
    *lo = (size_t)(first < n ? first : n);
    *hi = end > first ? (size_t)end : *lo;
}

static void softmax(float *scores, size_t n, size_t lo, size_t hi)
{
    float max = -INFINITY;
    double sum = 0;
    for (size_t j = lo; j < hi; j++)
        max = scores[j] > max ? scores[j] : max;
    for (size_t j = lo; j < hi; j++) {
        scores[j] = expf(scores[j] - max);
        sum += (double)scores[j];
    }
    const float factor = (float)(1 / sum);
    for (size_t j = lo; j < hi; j++)
        scores[j] *= factor;
    memset(scores, 0, lo * sizeof(*scores));
    memset(scores + hi, 0, (n - hi) * sizeof(*scores));
}

static struct product scores_of(const struct peer *peer, size_t batch, size_t head, float *scores)
{
    const size_t q_ld = peer->n_heads * peer->head_dim, k_ld = peer->n_kv_heads * peer->head_dim;
    const size_t kv_head = head / (peer->n_heads / peer->n_kv_heads);
    const size_t sequence = peer->next * peer->n_batch + batch;
    return (struct product){
        .m = peer->q_len,
        .n = peer->kv_len,
        .k = peer->head_dim,
        .is_b_transposed = true,
        .alpha = 1 / sqrtf((float)peer->head_dim),
        .a = peer->q + batch * peer->q_len * q_ld + head * peer->head_dim,
        .b = peer->k + sequence * peer->kv_len * k_ld + kv_head * peer->head_dim,
        .c = scores,
        .a_ld = q_ld,
        .b_ld = k_ld,
        .c_ld = peer->kv_len,
    };
}

static struct product out_of(const struct peer *peer, size_t batch, size_t head,
                             const float *scores)
{
    const size_t out_ld = peer->n_heads * peer->v_dim, v_ld = peer->n_kv_heads * peer->v_dim;
    const size_t kv_head = head / (peer->n_heads / peer->n_kv_heads);
    const size_t sequence = peer->next * peer->n_batch + batch;
    return (struct product){
        .m = peer->q_len,
        .n = peer->v_dim,
        .k = peer->kv_len,
        .alpha = 1,
        .a = scores,
        .b = peer->v + sequence * peer->kv_len * v_ld + kv_head * peer->v_dim,
        .c = peer->out + batch * peer->q_len * out_ld + head * peer->v_dim,
        .a_ld = peer->kv_len,
        .b_ld = v_ld,
        .c_ld = out_ld,
    };
}

// A free matrix: there are as many as threads.
static size_t take_scores(struct peer *peer)
{
    for (size_t i = 0;; i = (i + 1) % peer->n_threads)
        if (!atomic_flag_test_and_set(&peer->is_taken[i]))
            return i;
}

static void run_head(void *user, size_t index)
{
    struct peer *peer = user;
    const size_t batch = index / peer->n_heads, head = index % peer->n_heads;
    const size_t taken = take_scores(peer);
    float *scores = peer->scores + taken * peer->q_len * peer->kv_len;
    const struct product first = scores_of(peer, batch, head, scores);
    const struct product second = out_of(peer, batch, head, scores);
    openblas_multiply(peer->blas, &first);
    for (size_t i = 0; i < peer->q_len; i++) {
        size_t lo, hi;
        visible(peer, i, &lo, &hi);
        softmax(scores + i * peer->kv_len, peer->kv_len, lo, hi);
    }
    openblas_multiply(peer->blas, &second);
    atomic_flag_clear(&peer->is_taken[taken]);
}

void peer_run(struct peer *peer)
{
    pthreadpool_parallelize_1d(peer->pool, run_head, peer, peer->n_batch * peer->n_heads, 0);
    peer->next = (peer->next + 1) % peer->n_copies;
}

// --- making one

static void read_shapes(const struct gyre_attention_params *params, struct peer *peer)
{
    peer->params = *params;
    peer->n_batch = (size_t)params->q.shape[0];
    peer->q_len = (size_t)params->q.shape[1];
    peer->n_heads = (size_t)params->q.shape[2];
    peer->head_dim = (size_t)params->q.shape[3];
    peer->kv_len = (size_t)params->k.shape[1];
    peer->n_kv_heads = (size_t)params->k.shape[2];
    peer->v_dim = (size_t)params->v.shape[3];
    int64_t end = (int64_t)peer->kv_len - (int64_t)peer->q_len;
    peer->start = params->q_start + (params->align == GYRE_ALIGN_END ? end : 0);
}

static size_t count(const struct gyre_tensor *tensor)
{
    const uint64_t *shape = tensor->shape;
    return (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
}

static enum gyre_status read_tensor(struct session *session, const struct gyre_tensor *tensor,
                                    float *values)
{
    return gyre_buffer_read(session->stream, tensor->buffer, tensor->offset,
                            count(tensor) * sizeof(*values), values);
}

// `n_copies` copies of a tensor, one after the other.
static enum gyre_status read_copies(struct session *session, const struct gyre_tensor *tensor,
                                    size_t n_copies, float **copies)
{
    const size_t n = count(tensor);
    *copies = memory_create(n_copies * n * sizeof(**copies));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (*copies != NULL)
        status = read_tensor(session, tensor, *copies);
    for (size_t i = 1; status == GYRE_OK && i < n_copies; i++)
        memcpy(*copies + i * n, *copies, n * sizeof(**copies));
    return status;
}

static enum gyre_status make_memory(struct session *session, struct peer *peer)
{
    const struct gyre_attention_params *params = &peer->params;
    enum gyre_status status = read_copies(session, &params->q, 1, &peer->q);
    if (status == GYRE_OK)
        status = read_copies(session, &params->k, peer->n_copies, &peer->k);
    if (status == GYRE_OK)
        status = read_copies(session, &params->v, peer->n_copies, &peer->v);
    peer->out = memory_create(count(&params->out) * sizeof(*peer->out));
    peer->scores =
        memory_create(peer->n_threads * peer->q_len * peer->kv_len * sizeof(*peer->scores));
    peer->is_taken = malloc(peer->n_threads * sizeof(*peer->is_taken));
    for (size_t i = 0; peer->is_taken != NULL && i < peer->n_threads; i++)
        atomic_flag_clear(&peer->is_taken[i]);
    peer->pool = pthreadpool_create(peer->n_threads);
    bool is_there =
        peer->out != NULL && peer->scores != NULL && peer->is_taken != NULL && peer->pool != NULL;
    return status == GYRE_OK && !is_there ? GYRE_NO_MEMORY : status;
}

// Each may be off by the bound, to its own side.
static void compare(const struct peer *peer, const double *ours, const double *theirs,
                    struct result *result)
{
    const struct gyre_tensor *out = &peer->params.out;
    const size_t n_v = peer->n_batch * peer->kv_len * peer->n_kv_heads * peer->v_dim;
    struct comparison comparison = {.name = "openblas's out", .got = theirs, .want = ours};
    struct bounds bounds = bounds_of_sums(GYRE_F32);
    double scale = 0;
    memcpy(comparison.shape, out->shape, sizeof(comparison.shape));
    for (size_t i = 0; i < n_v; i++)
        scale = fmax(scale, fabs((double)peer->v[i]));
    compare_whole(&comparison, (struct bounds){2 * bounds.rms, 2 * bounds.max}, scale, result);
}

static void verify(struct session *session, struct peer *peer, struct result *result)
{
    const struct gyre_tensor *out = &peer->params.out;
    const size_t n = count(out);
    float *values = malloc(n * sizeof(*values));
    double *ours = malloc(n * sizeof(*ours)), *theirs = malloc(n * sizeof(*theirs));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (values != NULL && ours != NULL && theirs != NULL)
        status = read_tensor(session, out, values);
    if (status == GYRE_OK) {
        peer_run(peer);
        for (size_t i = 0; i < n; i++) {
            ours[i] = (double)values[i];
            theirs[i] = (double)peer->out[i];
        }
        compare(peer, ours, theirs, result);
    } else {
        result_fail_status(result, "comparing with openblas", status, session->log.text);
    }
    free(values);
    free(ours);
    free(theirs);
}

struct peer *peer_create(const struct openblas *blas, struct session *session,
                         const struct gyre_attention_params *params, size_t n_copies,
                         size_t n_threads, struct result *result)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    *result = (struct result){.outcome = OUTCOME_PASS};
    if (peer == NULL) {
        result_fail(result, "no memory");
        return NULL;
    }
    peer->blas = blas;
    peer->n_copies = n_copies;
    peer->n_threads = n_threads;
    read_shapes(params, peer);
    enum gyre_status status = make_memory(session, peer);
    if (status == GYRE_OK)
        verify(session, peer, result);
    else
        result_fail_status(result, "preparing openblas", status, session->log.text);
    if (result->outcome != OUTCOME_PASS)
        peer_destroy(&peer);
    return peer;
}

void peer_destroy(struct peer **peer)
{
    if (*peer == NULL)
        return;
    pthreadpool_destroy((*peer)->pool);
    free((*peer)->q);
    free((*peer)->k);
    free((*peer)->v);
    free((*peer)->out);
    free((*peer)->scores);
    free((*peer)->is_taken);
    free(*peer);
    *peer = NULL;
}
