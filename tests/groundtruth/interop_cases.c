/* The trials of TCP: the table, how the ends are set up, and what shows that a trial was about what it says. */
#include "tests/groundtruth/interop.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define MB 1000000
#define SACK TCPI_OPT_SACK
#define SCALE TCPI_OPT_WSCALE
#define STAMPS TCPI_OPT_TIMESTAMPS

/* What loss and reordering bring about, a buffer full of what comes all at once behind a hole too; an acknowledgment of
 * what was never seen they do not. */
#define LOSSY "retransmission fast_retransmission spurious_retransmission duplicate_ack out_of_order zero_window"
#define SHUT "zero_window zero_window_probe zero_window_probe_ack keep_alive keep_alive_ack duplicate_ack"
#define PROBES "keep_alive keep_alive_ack"

/* --- our end --- */

static void no_sack(it_tcp_opts *o)
{
    o->sack = false;
}

static void no_scale(it_tcp_opts *o)
{
    o->wscale = false;
}

static void no_stamps(it_tcp_opts *o)
{
    o->timestamps = false;
}

static void small_segments(it_tcp_opts *o)
{
    o->mss = 536;
}

static void large_buffers(it_tcp_opts *o)
{
    o->snd_buf = o->rcv_buf = 2 << 20;
}

static void keep_alive(it_tcp_opts *o)
{
    o->keep_idle = 300 * IT_MS;
    o->keep_interval = 200 * IT_MS;
    o->keep_count = 3;
}

static void give_up_soon(it_tcp_opts *o)
{
    o->user_timeout = 1500 * IT_MS;
}

static void find_black_holes(it_tcp_opts *o)
{
    o->blackhole = true;
}

/* --- the kernel's --- */

static bool set(int s, int level, int name, int value)
{
    return setsockopt(s, level, name, &value, sizeof value) == 0;
}

static bool kernel_small_segments(int s)
{
    return set(s, IPPROTO_TCP, TCP_MAXSEG, 700);
}

/* The first probe after a second, dead after |n| more. */
static bool kernel_keeps(int s, int n)
{
    return set(s, SOL_SOCKET, SO_KEEPALIVE, 1) && set(s, IPPROTO_TCP, TCP_KEEPIDLE, 1) &&
           set(s, IPPROTO_TCP, TCP_KEEPINTVL, 1) && set(s, IPPROTO_TCP, TCP_KEEPCNT, n);
}

static bool kernel_keeps_1(int s)
{
    return kernel_keeps(s, 1);
}

static bool kernel_keeps_2(int s)
{
    return kernel_keeps(s, 2);
}

static bool kernel_gives_up_soon(int s)
{
    return set(s, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500);
}

static bool kernel_in_line(int s)
{
    return set(s, SOL_SOCKET, SO_OOBINLINE, 1);
}

/* --- proofs --- */

/* Both agree on option |opt| or both do not. */
static const char *agreed(const bench *b, int opt, bool ours, bool is)
{
    return ours != is || ((b->kinfo.tcpi_options & opt) != 0) != is ? "the ends see the option differently" : NULL;
}

static const char *sack_recovers(const bench *b)
{
    const char *no = agreed(b, SACK, b->info.sack, true);
    return no ? no : b->info.recoveries ? NULL : "no fast recovery";
}

static const char *without_sack(const bench *b)
{
    const char *no = agreed(b, SACK, b->info.sack, false);
    return no ? no : b->info.recoveries ? NULL : "no fast recovery";
}

static const char *scaled(const bench *b)
{
    const char *no = agreed(b, SCALE, b->info.wscale, true);
    return no ? no : b->info.snd_wnd > 0xffff ? NULL : "no window was larger than 65535";
}

static const char *not_scaled(const bench *b)
{
    const char *no = agreed(b, SCALE, b->info.wscale, false);
    return no ? no : b->info.snd_wnd <= 0xffff && b->info.rcv_wnd <= 0xffff ? NULL : "a window is larger than 65535";
}

static const char *without_stamps(const bench *b)
{
    return agreed(b, STAMPS, b->info.timestamps, false);
}

static const char *ours_small(const bench *b)
{
    bool ok = b->info.mss <= 536 && b->kinfo.tcpi_snd_mss <= 536 && b->kinfo.tcpi_rcv_mss <= 536;
    return ok ? NULL : "segments of more than 536 bytes";
}

static const char *kernels_small(const bench *b)
{
    return b->info.mss <= 700 && b->kinfo.tcpi_snd_mss <= 700 ? NULL : "segments of more than 700 bytes";
}

/* Both have learnt of the small link: 1200 bytes without IP and TCP headers. */
static const char *both_fit(const bench *b)
{
    return b->info.mss <= 1160 && b->kinfo.tcpi_pmtu == 1200 ? NULL : "an end has not learnt the path's MTU";
}

static const char *both_shrank(const bench *b)
{
    return b->info.mss <= 1160 && b->kinfo.tcpi_snd_mss <= 1160 ? NULL : "an end has not found the black hole";
}

static const char *no_probe_answered(const bench *b)
{
    return b->reason == IT_TCP_KEEPALIVE ? NULL : "not by its probes";
}

static const char *timed_out(const bench *b)
{
    return b->reason == IT_TCP_TIMEOUT ? NULL : "not by a time-out";
}

/* --- the table --- */

const trial TRIALS[] = {
    {"bulk-we-connect", WE_CONNECT, {8 * MB, 8 * MB}, 0, 0, false, {0, 0}, -1, CLOSE, .allow = ""},
    {"bulk-kernel-connects", KERNEL_CONNECTS, {8 * MB, 8 * MB}, IT_MS, 0, false, {0, 0}, -1, CLOSE, .allow = ""},
    {"bulk-one-way-in", WE_CONNECT, {10, 20 * MB}, 2 * IT_MS, 0, false, {0, 0}, -1, CLOSE, .allow = ""},
    {"bulk-one-way-out", WE_CONNECT, {20 * MB, 10}, 2 * IT_MS, 0, false, {0, 0}, -1, CLOSE, .allow = ""},
    {"loss", WE_CONNECT, {1 * MB, 1 * MB}, 5 * IT_MS, 20000, false, {0, 0}, -1, CLOSE, .allow = LOSSY},
    {"heavy-loss", KERNEL_CONNECTS, {200000, 200000}, 5 * IT_MS, 80000, false, {0, 0}, -1, CLOSE, .allow = LOSSY},
    {"reordering", WE_CONNECT, {3 * MB, 3 * MB}, 2 * IT_MS, 0, true, {0, 0}, -1, CLOSE, .allow = LOSSY},
    {"we-read-late", WE_CONNECT, {10, 4 * MB}, IT_MS, 0, false, {3 * IT_SEC, 0}, -1, CLOSE, .allow = SHUT},
    {"kernel-reads-late", WE_CONNECT, {12 * MB, 10}, IT_MS, 0, false, {0, 3 * IT_SEC}, -1, CLOSE, .allow = SHUT},
    {"half-close-ours", WE_CONNECT, {1000, 2 * MB}, IT_MS, 0, false, {0, 0}, US, CLOSE, .allow = ""},
    {"half-close-kernel", WE_CONNECT, {2 * MB, 1000}, IT_MS, 0, false, {0, 0}, KER, CLOSE, .allow = ""},
    {"we-abort", WE_CONNECT, {50000, 50000}, IT_MS, 0, false, {0, 0}, -1, WE_ABORT, .allow = ""},
    {"kernel-aborts", KERNEL_CONNECTS, {50000, 50000}, IT_MS, 0, false, {0, 0}, -1, KERNEL_ABORTS, .allow = ""},
    {"simultaneous-open", BOTH_CONNECT, {1 * MB, 1 * MB}, 20 * IT_MS, 0, false, {0, 0}, -1, CLOSE, .allow = LOSSY},
    {"we-are-refused", WE_ARE_REFUSED, {0, 0}, IT_MS, 0, false, {0, 0}, -1, CLOSE, .allow = ""},
    {"kernel-is-refused", KERNEL_IS_REFUSED, {0, 0}, IT_MS, 0, false, {0, 0}, -1, CLOSE, .allow = ""},
    {.name = "sack",
     .bytes = {2 * MB, 2 * MB},
     .delay = 5 * IT_MS,
     .loss_ppm = 10000,
     .first = -1,
     .allow = LOSSY,
     .proof = sack_recovers},
    {.name = "no-sack-ours",
     .bytes = {MB, MB},
     .delay = 5 * IT_MS,
     .loss_ppm = 10000,
     .first = -1,
     .allow = LOSSY,
     .ours = no_sack,
     .proof = without_sack},
    {.name = "no-sack-kernel",
     .bytes = {MB, MB},
     .delay = 5 * IT_MS,
     .loss_ppm = 10000,
     .first = -1,
     .allow = LOSSY,
     .sysctl = "tcp_sack=0",
     .proof = without_sack},
    {.name = "window-scaling",
     .bytes = {8 * MB, 8 * MB},
     .delay = 10 * IT_MS,
     .first = -1,
     .allow = "",
     .ours = large_buffers,
     .proof = scaled},
    {.name = "no-scaling-ours",
     .bytes = {MB, MB},
     .delay = 5 * IT_MS,
     .first = -1,
     .allow = "",
     .ours = no_scale,
     .proof = not_scaled},
    {.name = "no-scaling-kernel",
     .opening = KERNEL_CONNECTS,
     .bytes = {MB, MB},
     .delay = 5 * IT_MS,
     .first = -1,
     .allow = "",
     .sysctl = "tcp_window_scaling=0",
     .proof = not_scaled},
    {.name = "no-timestamps-ours",
     .bytes = {MB, MB},
     .delay = IT_MS,
     .first = -1,
     .allow = "",
     .ours = no_stamps,
     .proof = without_stamps},
    {.name = "no-timestamps-kernel",
     .opening = KERNEL_CONNECTS,
     .bytes = {MB, MB},
     .delay = IT_MS,
     .first = -1,
     .allow = "",
     .sysctl = "tcp_timestamps=0",
     .proof = without_stamps},
    {.name = "mss-ours",
     .bytes = {MB, MB},
     .delay = IT_MS,
     .first = -1,
     .allow = "",
     .ours = small_segments,
     .proof = ours_small},
    {.name = "mss-kernel",
     .opening = KERNEL_CONNECTS,
     .bytes = {MB, MB},
     .delay = IT_MS,
     .first = -1,
     .allow = "",
     .kernels = kernel_small_segments,
     .proof = kernels_small},
    {.name = "urgent",
     .bytes = {10, 200000},
     .delay = IT_MS,
     .first = -1,
     .allow = "",
     .urgent = true,
     .kernels = kernel_in_line},
    {.name = "too-big", .bytes = {MB, MB}, .delay = IT_MS, .first = -1, .allow = LOSSY, .mtu = 1200, .proof = both_fit},
    {.name = "black-hole",
     .bytes = {200000, 200000},
     .delay = IT_MS,
     .first = -1,
     .allow = LOSSY,
     .mtu = 1200,
     .silent = true,
     .sysctl = "tcp_mtu_probing=1",
     .ours = find_black_holes,
     .proof = both_shrank},
    {.name = "keepalive-ours",
     .bytes = {1000, 1000},
     .delay = IT_MS,
     .first = -1,
     .allow = PROBES,
     .idle = 1500 * IT_MS,
     .ours = keep_alive},
    {.name = "keepalive-kernel",
     .bytes = {1000, 1000},
     .delay = IT_MS,
     .first = -1,
     .allow = PROBES,
     .idle = 3500 * IT_MS,
     .kernels = kernel_keeps_1},
    {.name = "keepalive-ours-dead",
     .bytes = {1000, 1000},
     .delay = IT_MS,
     .first = -1,
     .ending = WE_GIVE_UP,
     .allow = PROBES,
     .idle = 300 * IT_MS,
     .least = 600 * IT_MS,
     .most = 2 * IT_SEC,
     .ours = keep_alive,
     .proof = no_probe_answered},
    {.name = "keepalive-kernel-dead",
     .bytes = {1000, 1000},
     .delay = IT_MS,
     .first = -1,
     .ending = KERNEL_GIVES_UP,
     .allow = PROBES,
     .idle = 300 * IT_MS,
     .least = 2500 * IT_MS,
     .most = 6 * IT_SEC,
     .kernels = kernel_keeps_2},
    {.name = "user-timeout-ours",
     .bytes = {1000, 1000},
     .delay = IT_MS,
     .first = -1,
     .ending = WE_GIVE_UP,
     .allow = LOSSY,
     .more = true,
     .idle = 300 * IT_MS,
     .least = 1400 * IT_MS,
     .most = 4 * IT_SEC,
     .ours = give_up_soon,
     .proof = timed_out},
    {.name = "user-timeout-kernel",
     .bytes = {1000, 1000},
     .delay = IT_MS,
     .first = -1,
     .ending = KERNEL_GIVES_UP,
     .allow = LOSSY,
     .more = true,
     .idle = 300 * IT_MS,
     .least = 1400 * IT_MS,
     .most = 4 * IT_SEC,
     .kernels = kernel_gives_up_soon},
};
const int N_TRIALS = sizeof TRIALS / sizeof *TRIALS;
