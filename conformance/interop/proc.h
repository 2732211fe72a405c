/* An adapter as a process of its own: lines to it, lines from it, and its end by its own process id. Whatever it does,
 * no call here waits longer than it says. */
#ifndef IT_CONFORMANCE_INTEROP_PROC_H
#define IT_CONFORMANCE_INTEROP_PROC_H

#include "base/bytes.h"
#include "base/text/str.h"
#include "base/time.h"

#include <stdio.h>
#include <sys/types.h>

#define IT_INTEROP_LINE 131072 /* bytes of a line at most */

typedef struct it_interop_proc {
    pid_t pid;
    int in, out; /* its standard input and output */
    it_str read; /* what came and has not been cut into lines */
    size_t cut;  /* of that, what it_interop_line_next has given away */
    bool eof;
} it_interop_proc;

/* The machine's clock since it was started. */
it_time it_interop_now(void);

/* Runs |argv|, its last NULL, in the network namespace |netns|, or in the caller's when that is -1; standard error goes
 * to the file |log|. It dies with the caller. Returns 0, or IT_ERR_IO. */
int it_interop_start(it_interop_proc *p, it_alloc *alloc, char *const argv[], int netns, const char *log) IT_MUST_CHECK;
/* Writes |line| and an end of line. Returns 0; IT_ERR_IO when nobody reads, for two seconds or any more. */
int it_interop_say(it_interop_proc *p, const char *line) IT_MUST_CHECK;
/* Takes in what it has written, without waiting. Returns 0, IT_ERR_TOOBIG when a line is too long, or IT_ERR_NOMEM. */
int it_interop_take(it_interop_proc *p) IT_MUST_CHECK;
/* The next whole line, valid until the next it_interop_take; false when there is none. */
bool it_interop_line_next(it_interop_proc *p, it_bytes *line);
/* Ends it: its input first, then, after |patience|, SIGKILL, which then also ends what it has started and left in its
 * process group. Returns how it ended, as waitpid has it; with |*killed|, unless NULL, that it had to be made to. */
int it_interop_end(it_interop_proc *p, it_time patience, bool *killed);
/* Ends all children of this process but the |n| at |except|, each by its id, and theirs as they become children of a
 * reaper (PR_SET_CHILD_SUBREAPER). */
void it_interop_end_children(const pid_t *except, size_t n);

#endif
