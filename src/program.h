/*
** program.h - Starting a program: vfork and exec, with errors told here.
**
** The one place where this process makes another one that is no copy of it.
** Until the program is there, the thread that starts it stands still, as with
** vfork: that takes as long as the system needs to find the file. What goes
** wrong in between is known before anything was started. Plain C.
*/
#ifndef sk_program_h
#define sk_program_h

#include "sk.h"

typedef struct Program {
  const char *file; /* with a slash: its path, as seen from 'cwd' */
  char *const *argv;
  char *const *envp; /* NULL: ours */
  const char *path;  /* where a file without a slash is looked for, by PATH's
                        rules; NULL: where the system has its programs */
  const char *cwd;   /* its directory; NULL: ours */
  int fd[3];         /* what becomes its 0, 1 and 2; -1: what ours are */
  int keep[3];       /* these stay open as well; -1: none. No others do. */
  bool group;        /* it leads a process group of its own */
  bool tied;         /* it is killed when the thread that starts it ends */
} Program;

typedef enum Stage { SK_STAGE_START, SK_STAGE_CWD, SK_STAGE_EXEC } Stage;

/*
** Start it: its pid, and a descriptor 'pidfd' for it. Or -errno, with nothing
** left behind; 'stage' (may be NULL) is what failed.
*/
SK_FUNC int sk_program_start (const Program *p, int *pidfd, Stage *stage);

/* Have interpreter 'file' run Lua 'code', with descriptors 'keep' open in it. */
SK_FUNC int sk_program_code (const char *file, const char *code,
                             const int keep[3], int *pidfd);

#endif
