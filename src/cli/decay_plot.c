// SPDX-License-Identifier: MIT
#include "decay_plot.h"

#include <math.h>
#include <stdio.h>

#include "draw.h"
#include "oracle/rope_decay.h"

// Pixels.
enum { WIDTH = 880, HEIGHT = 440, LEFT = 88, TOP = 92, RIGHT = 40, BOTTOM = 76, TICK_ROOM = 40 };
// Far distances share a column: that many of them are looked at.
enum { N_SAMPLES = 24 };

static const struct colour band = {0.74, 0.84, 0.92}, curve = {0.08, 0.33, 0.58},
                           grid = {0.91, 0.92, 0.93};

struct canvas {
    cairo_t *cairo;
    const struct decay_plot *plot;
    double decades; // of the horizontal axis, which begins at 1
    double top;     // value of the upper edge, which no bound reaches
};

static double x_of(const struct canvas *canvas, double distance)
{
    return LEFT + WIDTH * log10(distance) / canvas->decades;
}

static double y_of(const struct canvas *canvas, double value)
{
    return TOP + HEIGHT * (1 - value / canvas->top);
}

static double distance_at(const struct canvas *canvas, double column)
{
    return pow(10, canvas->decades * column / WIDTH);
}

// --- curve

struct column {
    double least, mean, most;
};

// What the bound is over the distances of a pixel column, whole ones where there are several.
static struct column measure(const struct canvas *canvas, int i)
{
    const struct decay_plot *plot = canvas->plot;
    double first = distance_at(canvas, i), span = distance_at(canvas, i + 1) - first;
    struct column column = {.least = INFINITY};
    for (int sample = 0; sample < N_SAMPLES; sample++) {
        double distance = first + span * (sample + 0.5) / N_SAMPLES;
        distance = span > 1 ? round(distance) : distance;
        double value = oracle_rope_decay(plot->inv_freq, plot->n_pairs, distance);
        column.least = fmin(column.least, value);
        column.most = fmax(column.most, value);
        column.mean += value / N_SAMPLES;
    }
    return column;
}

static void draw_curve(const struct canvas *canvas)
{
    struct column columns[WIDTH];
    cairo_t *cairo = canvas->cairo;
    for (int i = 0; i < WIDTH; i++)
        columns[i] = measure(canvas, i);
    draw_set_colour(cairo, band);
    for (int i = 0; i < WIDTH; i++)
        cairo_rectangle(cairo, LEFT + i, y_of(canvas, columns[i].most), 1,
                        HEIGHT * (columns[i].most - columns[i].least) / canvas->top);
    cairo_fill(cairo);
    draw_set_colour(cairo, curve);
    cairo_set_line_width(cairo, 1.8);
    for (int i = 0; i < WIDTH; i++)
        cairo_line_to(cairo, LEFT + i + 0.5, y_of(canvas, columns[i].mean));
    cairo_stroke(cairo);
}

// --- axes

static void draw_power(const struct canvas *canvas, double distance)
{
    cairo_t *cairo = canvas->cairo;
    double x = x_of(canvas, distance);
    char text[32];
    snprintf(text, sizeof(text), "%.0f", distance);
    draw_set_colour(cairo, grid);
    draw_line(cairo, x, TOP, 0, HEIGHT);
    draw_set_colour(cairo, draw_pale);
    draw_line(cairo, x, TOP + HEIGHT, 0, TICK_LENGTH);
    draw_text(cairo, x, TOP + HEIGHT + TICK_LENGTH + TICK_SIZE + 2, 0.5, text);
}

static void draw_distances(const struct canvas *canvas)
{
    double max = canvas->plot->max_distance;
    for (double power = 1; power <= max; power *= 10) {
        draw_power(canvas, power);
        for (int i = 2; i < 10 && i * power <= max; i++)
            draw_line(canvas->cairo, x_of(canvas, i * power), TOP + HEIGHT, 0, TICK_LENGTH / 2);
    }
}

// 1, 2 or 5 times a power of ten, so that labels have room.
static double value_step(const struct canvas *canvas)
{
    static const double factors[] = {1, 2, 5};
    double wanted = canvas->top * TICK_ROOM / HEIGHT;
    double power = pow(10, floor(log10(wanted)));
    for (int i = 0; i < 3; i++)
        if (factors[i] * power >= wanted)
            return factors[i] * power;
    return 10 * power;
}

static void draw_values(const struct canvas *canvas)
{
    cairo_t *cairo = canvas->cairo;
    double step = value_step(canvas);
    char text[32];
    for (int i = 0; i * step < canvas->top; i++) {
        double y = y_of(canvas, i * step);
        draw_set_colour(cairo, grid);
        draw_line(cairo, LEFT, y, WIDTH, 0);
        draw_set_colour(cairo, draw_pale);
        draw_line(cairo, LEFT, y, -TICK_LENGTH, 0);
        snprintf(text, sizeof(text), "%g", i * step);
        draw_text(cairo, LEFT - TICK_LENGTH - 4, y + 0.36 * TICK_SIZE, 1, text);
    }
}

// Labelled on the side that has room.
static void draw_mark(const struct canvas *canvas)
{
    const struct decay_plot *plot = canvas->plot;
    cairo_t *cairo = canvas->cairo;
    if (plot->mark <= 1 || plot->mark >= plot->max_distance)
        return;
    double x = x_of(canvas, plot->mark), dashes[] = {4, 4};
    bool is_left = x > LEFT + WIDTH / 2;
    draw_set_colour(cairo, draw_pale);
    cairo_set_dash(cairo, dashes, 2, 0);
    draw_line(cairo, x, TOP, 0, HEIGHT);
    cairo_set_dash(cairo, NULL, 0, 0);
    draw_text(cairo, is_left ? x - 6 : x + 6, TOP + 18, is_left ? 1 : 0, plot->mark_label);
}

static void draw_axes(const struct canvas *canvas)
{
    cairo_t *cairo = canvas->cairo;
    cairo_set_line_width(cairo, 1);
    draw_set_font(cairo, TICK_SIZE, false);
    draw_distances(canvas);
    draw_values(canvas);
}

static void draw_labels(const struct canvas *canvas)
{
    cairo_t *cairo = canvas->cairo;
    draw_titles(cairo, LEFT, canvas->plot->title, canvas->plot->subtitle);
    draw_set_colour(cairo, draw_ink);
    draw_text(cairo, LEFT + WIDTH / 2, TOP + HEIGHT + 52, 0.5,
              "distance between query and key (tokens, logarithmic)");
    draw_upright_text(cairo, 28, TOP + HEIGHT / 2, true, "bound of the score: mean of |S\u1d62|");
    draw_set_colour(cairo, draw_pale);
    draw_set_font(cairo, TICK_SIZE, false);
    draw_text(cairo, LEFT + WIDTH, TOP - 8, 1, "shade: range of distances that share a column");
}

bool decay_plot_write(const struct decay_plot *plot, const char *path)
{
    struct canvas canvas = {
        .plot = plot,
        .decades = log10(plot->max_distance),
        .top = 1.05 * (double)(plot->n_pairs + 1) / 2,
    };
    cairo_surface_t *surface;
    if (plot->n_pairs == 0 || !(plot->max_distance > 1))
        return false;
    canvas.cairo = draw_begin(LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM, &surface);
    draw_axes(&canvas);
    draw_curve(&canvas);
    cairo_set_line_width(canvas.cairo, 1);
    draw_mark(&canvas);
    draw_frame(canvas.cairo, LEFT, TOP, WIDTH, HEIGHT);
    draw_labels(&canvas);
    return draw_finish(canvas.cairo, surface, path);
}
