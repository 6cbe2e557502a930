// SPDX-License-Identifier: MIT
#include "measure.h"

#include <time.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"
#include "subject.h"

enum { MIN_RUNS = 20, MIN_SLOW_RUNS = 3, NAP_NS = 2000000, MAX_NAPS = 100 };
// A turn is long enough that its first, unmeasured run is a small part.
static const double default_min_s = 0.5, max_s = 6, turn_s = 0.1;
static const double GiB = 1024.0 * 1024 * 1024;

// What takes turns.
struct contest {
    struct session *session;
    struct subject *subject;
    struct probe *probe; // NULL: none
    struct peer *peer;   // NULL: none
    struct samples wall, device, limit, peer_wall;
    enum gyre_status status;
};

static void run_subject(struct contest *contest, bool is_measured)
{
    struct gyre_event *event = NULL;
    uint64_t ns;
    double start = clock_s();
    enum gyre_status status = subject_enqueue(contest->subject);
    if (status == GYRE_OK)
        status = gyre_stream_submit(contest->session->stream, &event);
    if (status == GYRE_OK)
        status = gyre_event_wait(event, UINT64_MAX);
    double wall = clock_s() - start;
    if (status == GYRE_OK && is_measured) {
        samples_add(&contest->wall, wall);
        if (gyre_event_device_time(event, &ns) == GYRE_OK)
            samples_add(&contest->device, 1e-9 * (double)ns);
    }
    gyre_event_destroy(&event);
    if (status != GYRE_OK)
        contest->status = status;
}

static void run_probe(struct contest *contest, bool is_measured)
{
    double start = clock_s();
    probe_run(contest->probe);
    if (is_measured)
        samples_add(&contest->limit, clock_s() - start);
}

static void run_peer(struct contest *contest, bool is_measured)
{
    double start = clock_s();
    peer_run(contest->peer);
    if (is_measured)
        samples_add(&contest->peer_wall, clock_s() - start);
}

// Idle threads of a pool spin for a while before they sleep, and would take the other side's cores.
static void wait_until_quiet(void)
{
    for (int i = 0; i < MAX_NAPS; i++) {
        double used = cpu_time_s(), start = clock_s();
        nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
        if (cpu_time_s() - used < 0.1 * (clock_s() - start))
            return;
    }
}

static void take_turn(struct contest *contest, void (*run)(struct contest *, bool))
{
    wait_until_quiet();
    double start = clock_s();
    run(contest, false);
    do
        run(contest, true);
    while (contest->status == GYRE_OK && clock_s() - start < turn_s);
}

static bool is_enough(const struct samples *wall, double min_s)
{
    if (wall->total >= max_s)
        return wall->n >= MIN_SLOW_RUNS;
    return wall->n >= MIN_RUNS && wall->total >= min_s;
}

static void hold_contest(struct contest *contest, double min_s)
{
    while (contest->status == GYRE_OK && !is_enough(&contest->wall, min_s)) {
        take_turn(contest, run_subject);
        if (contest->probe != NULL)
            take_turn(contest, run_probe);
        if (contest->peer != NULL)
            take_turn(contest, run_peer);
    }
}

static void fill_rates(struct contest *contest, enum limit limit, struct measurement *out)
{
    out->wall = samples_stats(&contest->wall);
    out->device = samples_stats(&contest->device);
    struct stats probe = samples_stats(&contest->limit);
    double work = limit_is_flops(limit) ? out->cost.flops : out->cost.bytes;
    out->rate = work / out->wall.min;
    out->peer = samples_stats(&contest->peer_wall);
    out->peer_ratio = out->peer.min / out->wall.min;
    if (probe.n == 0)
        return;
    out->limit_rate = probe_work(contest->probe) / probe.min;
    out->share = out->rate / out->limit_rate;
}

// Bytes over which cold rows rotate: four times what the caches hold, within reason where a
// machine shares a huge last level.
static double cold_size(void)
{
    double n_cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);
    double private = 4 * n_cpus * (double)sysconf(_SC_LEVEL2_CACHE_SIZE);
    double shared = 4 * (double)sysconf(_SC_LEVEL3_CACHE_SIZE);
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double size = shared < GiB ? shared : GiB;
    size = size > private ? size : private;
    return size < memory / 8 ? size : memory / 8;
}

static size_t count_copies(const struct session *session, const struct bench_row *row,
                           struct cost cost)
{
    if (!limit_is_cold(row->limit) || session->info->type == GYRE_DEVICE_SOFTWARE)
        return 1;
    return (size_t)(cold_size() / cost.bytes) + 1;
}

static size_t count_threads(const struct session *session)
{
    return session->info->n_units > 0 ? session->info->n_units : 1;
}

// Probes run on the host: they say what bounds our CPU path, and nothing about other devices.
static struct probe *make_probe(const struct session *session, const struct bench_row *row,
                                const struct measurement *m)
{
    if (session->info->type != GYRE_DEVICE_CPU)
        return NULL;
    return probe_create(row->limit, m->cost, m->n_copies, count_threads(session));
}

// So do peers. Fails the check when the results differ.
static struct peer *make_peer(const struct contest *contest, const struct bench_row *row,
                              const struct case_dtypes *dtypes, const struct openblas *blas,
                              struct measurement *m)
{
    struct session *session = contest->session;
    struct result compared;
    if (blas == NULL)
        return NULL;
    m->no_peer = session->info->type == GYRE_DEVICE_CPU ? peer_refuse(row, dtypes)
                                                        : "it runs beside our CPU path only";
    if (m->no_peer != NULL)
        return NULL;
    struct peer *peer = peer_create(blas, session, subject_attention(contest->subject), m->n_copies,
                                    count_threads(session), &compared);
    if (peer == NULL)
        m->check = compared;
    return peer;
}

static void free_contest(struct contest *contest)
{
    probe_destroy(&contest->probe);
    peer_destroy(&contest->peer);
    subject_destroy(&contest->subject);
    samples_free(&contest->wall);
    samples_free(&contest->device);
    samples_free(&contest->limit);
    samples_free(&contest->peer_wall);
}

void measure_row(struct session *session, const struct bench_row *row,
                 const struct case_dtypes *dtypes, const struct measure_options *options,
                 struct measurement *out)
{
    struct contest contest = {.session = session};
    *out = (struct measurement){.cost = bench_row_cost(row, dtypes)};
    out->n_copies = count_copies(session, row, out->cost);
    contest.subject = subject_create(session, row, dtypes, out->n_copies, options->seed,
                                     &out->first_s, &out->check);
    if (contest.subject == NULL)
        return;
    contest.status = subject_scratch(contest.subject, &out->scratch_size);
    contest.probe = make_probe(session, row, out);
    contest.peer = make_peer(&contest, row, dtypes, options->peer, out);
    if (out->check.outcome == OUTCOME_PASS)
        hold_contest(&contest, options->min_s > 0 ? options->min_s : default_min_s);
    if (contest.status != GYRE_OK)
        result_fail_status(&out->check, "timing", contest.status, session->log.text);
    if (out->check.outcome == OUTCOME_PASS)
        fill_rates(&contest, row->limit, out);
    free_contest(&contest);
}
