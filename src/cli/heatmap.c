// SPDX-License-Identifier: MIT
#include "heatmap.h"

#include <math.h>
#include <stdio.h>

#include "draw.h"

// Pixels. The plot's longer side is near PLOT.
enum { PLOT = 720, LEFT = 88, TOP = 92, RIGHT = 140, BOTTOM = 76, BAR_GAP = 28, BAR_WIDTH = 20 };
enum { TICK_ROOM = 64 };

static const struct colour absent = {0.945, 0.945, 0.955};

struct plot {
    cairo_t *cairo;
    const struct heatmap *map;
    double width, height; // of the plot
    double max;           // largest value
};

// Small probabilities matter: the root spreads them over more of the colours.
static double shade(const struct plot *plot, double value)
{
    return plot->max > 0 ? sqrt(value / plot->max) : 0;
}

// Largest value of the cells that share a pixel's square.
static double pooled(const struct heatmap *map, size_t row, size_t row_end, size_t column,
                     size_t column_end)
{
    double largest = -1;
    for (size_t i = row; i < row_end; i++)
        for (size_t j = column; j < column_end; j++)
            largest = fmax(largest, map->values[i * map->n_columns + j]);
    return largest;
}

static void draw_cells(const struct plot *plot)
{
    const struct heatmap *map = plot->map;
    size_t longer = map->n_rows > map->n_columns ? map->n_rows : map->n_columns;
    size_t pool = (longer + PLOT - 1) / PLOT;
    double dx = plot->width / (double)map->n_columns, dy = plot->height / (double)map->n_rows;
    for (size_t i = 0; i < map->n_rows; i += pool)
        for (size_t j = 0; j < map->n_columns; j += pool) {
            size_t i_end = fmin(i + pool, map->n_rows), j_end = fmin(j + pool, map->n_columns);
            double value = pooled(map, i, i_end, j, j_end);
            draw_set_colour(plot->cairo, value >= 0 ? colour_at(shade(plot, value)) : absent);
            cairo_rectangle(plot->cairo, LEFT + dx * (double)j, TOP + dy * (double)i,
                            dx * (double)(j_end - j), dy * (double)(i_end - i));
            cairo_fill(plot->cairo);
        }
}

// 1, 2 or 5 times a power of ten, so that labels stand at least TICK_ROOM apart.
static size_t tick_step(size_t n, double length)
{
    static const size_t factors[] = {1, 2, 5};
    for (size_t power = 1;; power *= 10)
        for (int i = 0; i < 3; i++) {
            size_t step = factors[i] * power;
            if (length * (double)step / (double)n >= TICK_ROOM || step >= n)
                return step;
        }
}

static void draw_ticks(const struct plot *plot)
{
    const struct heatmap *map = plot->map;
    cairo_t *cairo = plot->cairo;
    double dx = plot->width / (double)map->n_columns, dy = plot->height / (double)map->n_rows;
    double bottom = TOP + plot->height;
    char text[32];
    draw_set_font(cairo, TICK_SIZE, false);
    draw_set_colour(cairo, draw_pale);
    for (size_t j = 0; j < map->n_columns; j += tick_step(map->n_columns, plot->width)) {
        double x = LEFT + dx * ((double)j + 0.5);
        snprintf(text, sizeof(text), "%zu", j);
        draw_line(cairo, x, bottom, 0, TICK_LENGTH);
        draw_text(cairo, x, bottom + TICK_LENGTH + TICK_SIZE + 2, 0.5, text);
    }
    for (size_t i = 0; i < map->n_rows; i += tick_step(map->n_rows, plot->height)) {
        double y = TOP + dy * ((double)i + 0.5);
        snprintf(text, sizeof(text), "%zu", i);
        draw_line(cairo, LEFT, y, -TICK_LENGTH, 0);
        draw_text(cairo, LEFT - TICK_LENGTH - 4, y + 0.36 * TICK_SIZE, 1, text);
    }
}

static void draw_labels(const struct plot *plot)
{
    const struct heatmap *map = plot->map;
    cairo_t *cairo = plot->cairo;
    draw_titles(cairo, LEFT, map->title, map->subtitle);
    draw_set_colour(cairo, draw_ink);
    draw_text(cairo, LEFT + plot->width / 2, TOP + plot->height + 52, 0.5, map->column_label);
    draw_upright_text(cairo, 28, TOP + plot->height / 2, true, map->row_label);
}

static void draw_scale_tick(const struct plot *plot, double x, double y, double value)
{
    char text[32];
    snprintf(text, sizeof(text), "%.2g", value);
    draw_line(plot->cairo, x, y, TICK_LENGTH, 0);
    draw_text(plot->cairo, x + TICK_LENGTH + 4, y + 0.36 * TICK_SIZE, 0, text);
}

// Both ends, and of round values those that have room.
static void draw_scale_ticks(const struct plot *plot, double x)
{
    static const double values[] = {0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001};
    const double room = 2 * TICK_SIZE, bottom = TOP + plot->height;
    double last = TOP;
    draw_set_font(plot->cairo, TICK_SIZE, false);
    draw_set_colour(plot->cairo, draw_pale);
    draw_scale_tick(plot, x, TOP, plot->max);
    draw_scale_tick(plot, x, bottom, 0);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        double y = bottom - plot->height * shade(plot, values[i]);
        if (y - last < room || bottom - y < room)
            continue;
        draw_scale_tick(plot, x, y, values[i]);
        last = y;
    }
}

static void draw_scale(const struct plot *plot)
{
    double x = LEFT + plot->width + BAR_GAP;
    int height = (int)plot->height;
    for (int i = 0; i < height; i++) {
        draw_set_colour(plot->cairo, colour_at(1 - (i + 0.5) / height));
        cairo_rectangle(plot->cairo, x, TOP + i, BAR_WIDTH, 1);
        cairo_fill(plot->cairo);
    }
    draw_frame(plot->cairo, x, TOP, BAR_WIDTH, height);
    draw_scale_ticks(plot, x + BAR_WIDTH);
    draw_set_colour(plot->cairo, draw_ink);
    draw_set_font(plot->cairo, LABEL_SIZE, false);
    draw_upright_text(plot->cairo, x + BAR_WIDTH + 60, TOP + plot->height / 2, false,
                      plot->map->scale_label);
}

// Cells are whole pixels where they are larger than one.
static void set_size(struct plot *plot)
{
    const struct heatmap *map = plot->map;
    double longer = fmax((double)map->n_rows, (double)map->n_columns);
    double cell = longer < PLOT ? floor(PLOT / longer) : PLOT / longer;
    plot->width = fmax(ceil(cell * (double)map->n_columns), 240);
    plot->height = fmax(ceil(cell * (double)map->n_rows), 240);
}

bool heatmap_write(const struct heatmap *map, const char *path)
{
    struct plot plot = {.map = map};
    if (map->n_rows == 0 || map->n_columns == 0)
        return false;
    for (size_t i = 0; i < map->n_rows * map->n_columns; i++)
        plot.max = fmax(plot.max, map->values[i]);
    set_size(&plot);
    cairo_surface_t *surface;
    plot.cairo =
        draw_begin(LEFT + (int)plot.width + RIGHT, TOP + (int)plot.height + BOTTOM, &surface);
    cairo_set_antialias(plot.cairo, CAIRO_ANTIALIAS_NONE);
    draw_cells(&plot);
    draw_frame(plot.cairo, LEFT, TOP, plot.width, plot.height);
    cairo_set_antialias(plot.cairo, CAIRO_ANTIALIAS_DEFAULT);
    draw_ticks(&plot);
    draw_labels(&plot);
    draw_scale(&plot);
    return draw_finish(plot.cairo, surface, path);
}
