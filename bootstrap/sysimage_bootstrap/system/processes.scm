;;; Processes of services: what they are started with, how they are ended, and what their end says.
;;;
;;; Services write to the container's own standard output and error: the descriptors are inherited, so that not a byte
;;; is changed, the init never copies or blocks on output, and an unprivileged service needs no permission to open them.
;;;
;;; This file, and each that is loaded after it, is the same in every system. All are compiled where there is no
;;; Shepherd: 'shepherd.scm' comes before them, and they find each other's procedures where they are loaded.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match)
             (ice-9 rdelim))

;; Arguments and environment are encoded in the locale's encoding: it must be able to say everything.
(false-if-exception (setlocale LC_CTYPE "C.UTF-8"))

(define (field data name default)
  ;; The rest of the list in DATA that begins with NAME.
  (match (assq name data)
    (#f default)
    ((_ . rest) rest)))

(define (field1 data name default)
  (match (assq name data)
    (#f default)
    ((_ value) value)))

(define (now)
  (/ (get-internal-real-time) internal-time-units-per-second))

(define (shown seconds)
  ;; A number of seconds for people.
  (number->string (/ (round (* 10. seconds)) 10.)))

(define (shutting-down?)
  ;; The Shepherd stops a service that is being started only once it has started: whatever waits must then give up.
  (not (memq (service-status root-service) '(running starting))))


;;; Variables.

(define (variable-name variable)
  (substring variable 0 (or (string-index variable #\=) (string-length variable))))

(define (merge-variables additions variables)
  ;; VARIABLES, with ADDITIONS ("NAME=value", the first of a name counts) in place of what has the same name.
  (let loop ((rest (append additions variables)) (names '()) (result '()))
    (match rest
      (() (reverse result))
      ((variable . rest)
       (let ((name (variable-name variable)))
         (if (member name names)
             (loop rest names result)
             (loop rest (cons name names) (cons variable result))))))))

(define (variable-value name variables)
  (let ((start (string-append name "=")))
    (and=> (find (lambda (variable) (string-prefix? start variable)) variables)
           (lambda (variable) (substring variable (string-length start))))))

(define (runtime-value name)
  ;; What only the running system knows, for specifiers of units.
  (define (first-line file) (or (false-if-exception (call-with-input-file file read-line)) ""))
  (match name
    ("SYSIMAGE_HOSTNAME" (gethostname))
    ("SYSIMAGE_MACHINE_ID" (first-line "/etc/machine-id"))
    ("SYSIMAGE_BOOT_ID" (string-delete #\- (first-line "/proc/sys/kernel/random/boot_id")))
    ("SYSIMAGE_KERNEL_RELEASE" (utsname:release (uname)))
    (_ #f)))

(define (name-end text start)
  ;; Where the name of a variable that begins at START ends.
  (or (string-skip text (lambda (c) (or (char-alphabetic? c) (char-numeric? c) (char=? c #\_))) start)
      (string-length text)))

(define (replace-variables text variables)
  ;; TEXT with '${NAME}' replaced, and '$$' by one dollar; '$NAME' inside a word is for a shell that may come.
  (define (value name) (or (variable-value name variables) (runtime-value name) ""))
  (let loop ((at 0) (parts '()))
    (match (string-index text #\$ at)
      (#f (string-concatenate-reverse (cons (substring text at) parts)))
      (dollar
       (let ((parts (cons (substring text at dollar) parts))
             (next (+ dollar 1)))
         (cond ((= next (string-length text)) (loop next (cons "$" parts)))
               ((char=? (string-ref text next) #\$) (loop (+ next 1) (cons "$" parts)))
               ((char=? (string-ref text next) #\{)
                (match (string-index text #\} next)
                  (#f (loop next (cons "$" parts)))
                  (end (loop (+ end 1) (cons (value (substring text (+ next 1) end)) parts)))))
               (else (loop next (cons "$" parts)))))))))

(define (replace-words words variables)
  ;; As systemd does: '$NAME' that is a whole word becomes as many words as its value has, perhaps none.
  (append-map
   (lambda (word)
     (if (and (> (string-length word) 1)
              (char=? (string-ref word 0) #\$)
              (not (memv (string-ref word 1) '(#\$ #\{)))
              (= (name-end word 1) (string-length word)))
         (string-tokenize (or (variable-value (substring word 1) variables)
                              (runtime-value (substring word 1))
                              ""))
         (list (replace-variables word variables))))
   words))

(define (read-assignments text)
  ;; The variables of an environment file: NAME=value in each line, with quotes and backslashes as a shell has them.
  (define (value characters)
    (let loop ((rest characters) (mark #f) (result '()) (kept 0))
      ;; KEPT is how much of RESULT stays when blanks at the end of the line are dropped.
      (match rest
        (() (values (take-right result kept) '()))
        ((#\newline . rest)
         (if mark
             (loop rest mark (cons #\newline result) (+ 1 (length result)))
             (values (take-right result kept) rest)))
        ((#\\ #\newline . rest) (loop rest mark result kept))
        ((#\\ character . rest)
         (if (eqv? mark #\')
             (loop (cons character rest) mark (cons #\\ result) (+ 1 (length result)))
             (loop rest mark (cons character result) (+ 1 (length result)))))
        (((and character (or #\" #\')) . rest)
         (cond ((not mark) (loop rest character result (length result)))
               ((eqv? mark character) (loop rest #f result (length result)))
               (else (loop rest mark (cons character result) (+ 1 (length result))))))
        ((character . rest)
         (loop rest mark (cons character result)
               (if (or mark (not (char-whitespace? character))) (+ 1 (length result)) kept))))))
  (let loop ((rest (string->list text)) (result '()))
    (let ((rest (drop-while char-whitespace? rest)))
      (match rest
        (() (reverse result))
        (((or #\# #\;) . _)
         (loop (drop-while (lambda (c) (not (char=? c #\newline))) rest) result))
        (_
         (let* ((name tail (span (lambda (c) (not (memv c '(#\= #\newline)))) rest))
                (name (string-trim-both (list->string name)))
                (name (if (string-prefix? "export " name) (string-trim (substring name 7)) name)))
           (match tail
             ((#\= . tail)
              (let ((said rest (value (drop-while (lambda (c) (memv c '(#\space #\tab))) tail))))
                (loop rest (cons (string-append name "=" (reverse-list->string said)) result))))
             (_ (loop tail result)))))))))

(define (file-variables name files)
  ;; The variables of the environment files, those of later ones first; #f if one is missing that may not be.
  (let loop ((files files) (result '()))
    (match files
      (() result)
      (((file optional?) . rest)
       (match (false-if-exception (call-with-input-file file (lambda (port) (read-delimited "" port)) #:encoding "UTF-8"))
         (#f (if optional? (loop rest result) (begin (report "Service ~a: cannot read the environment file ~a." name file) #f)))
         ((? eof-object?) (loop rest result))
         (text (loop rest (append (reverse (read-assignments text)) result))))))))


;;; Starting.

(define console-ports
  ;; A service has them where 'logged-command' wants them, and nowhere else.
  (map (lambda (descriptor)
         (let ((port (fdopen (dup->fdes descriptor) "w")))
           (fcntl port F_SETFD FD_CLOEXEC)
           port))
       '(1 2)))

(define (logged-command shell name command log sockets)
  ;; COMMAND with its output sent where LOG says; it finds SOCKETS descriptors from 3 on. The shell becomes the program:
  ;; it costs no process.
  (define out (number->string (+ 3 sockets)))
  (define err (number->string (+ 4 sockets)))
  (define closed (string-append out ">&- " err ">&-"))
  (define (redirected redirections)
    (cons* shell "-c" (string-append "exec \"$@\" " redirections) name command))
  (match log
    ("console" (redirected (string-append ">&" out " 2>&" err " " closed)))
    ("none" (redirected (string-append ">/dev/null 2>&1 " closed)))
    (_ command)))

(define (allowed-capabilities)
  ;; The capabilities that this container may give, as a number.
  (or (false-if-exception
       (call-with-input-file "/proc/self/status"
         (lambda (port)
           (let loop ()
             (match (read-line port)
               ((? eof-object?) 0)
               (line (if (string-prefix? "CapBnd:" line)
                         (string->number (string-trim-both (substring line 7)) 16)
                         (loop))))))))
      0))

(define (restricted-command command data)
  ;; COMMAND with the capabilities that DATA says, as far as the container has them. 'setpriv' becomes the program.
  (define allowed (allowed-capabilities))
  (define (listed numbers)
    (string-join (cons "-all" (filter-map (lambda (number)
                                            (and (logbit? number allowed) (format #f "+cap_~a" number)))
                                          numbers))
                 ","))
  (define user (field1 data 'user #f))
  (define options
    `(,@(match (field data 'ambient #f)
          (#f '())
          (numbers `("--inh-caps" ,(listed numbers) "--ambient-caps" ,(listed numbers))))
      ,@(match (field data 'bounding #f)
          (#f '())
          (numbers `("--bounding-set" ,(listed numbers))))
      ,@(if (field1 data 'no-new-privileges #f) '("--no-new-privs") '())))
  (cond ((or (null? options) (not (zero? (getuid)))) (values command #f))
        ((not (file-exists? "/usr/bin/setpriv")) (values command #f))
        (else
         (values `("/usr/bin/setpriv" ,@options
                   ,@(if user
                         `("--reuid" ,user "--regid" ,(field1 data 'group "root")
                           ,@(match (field data 'supplementary-groups '())
                               (() '("--clear-groups"))
                               (groups `("--groups" ,(string-join groups ",")))))
                         '())
                   "--" ,@command)
                 #t))))

(define (identity-options data variables)
  ;; Who a process runs as, where and with what. Only root can become somebody else: in a container that runs as another
  ;; user (docker run --user), every service runs as that user.
  `(,@(if (zero? (getuid))
          `(#:user ,(field1 data 'user #f)
            #:group ,(field1 data 'group #f)
            #:supplementary-groups ,(field data 'supplementary-groups '()))
          '())
    #:directory ,(let ((directory (field1 data 'directory "/")))
                   (if (and (field1 data 'directory-optional #f) (not (file-exists? directory))) "/" directory))
    ,@(match (field1 data 'umask #f)
        (#f '())
        (mask `(#:file-creation-mask ,mask)))
    #:resource-limits ,(filter-map granted-limit (field data 'limits '()))
    #:environment-variables ,variables))

(define (granted-limit wanted)
  ;; A limit as far as a container without CAP_SYS_RESOURCE may have it: no more than the hard one that is there.
  (define (least one other) (cond ((not one) other) ((not other) one) (else (min one other))))
  (match wanted
    ((name soft hard)
     (false-if-exception
      (let* ((_ most (getrlimit name))
             (hard (least hard most)))
        (list name (least soft hard) hard))))))

(define (as-root data)
  (remove (lambda (entry) (memq (car entry) '(user group supplementary-groups ambient bounding))) data))

(define launched '())                   ;processes that the init has started itself

(define (remember-launched start command options)
  (let ((pid status (apply start command options)))
    (set! launched (cons pid (filter alive? launched)))
    (values pid status)))

(define* (launch shell name command data variables #:key (sockets '()))
  ;; Values: the process ID of COMMAND, and the channel that gets its status at its end.
  (define log (field1 data 'log "console"))
  (let* ((restricted switched? (restricted-command command data))
         (full (logged-command shell (symbol->string name) restricted log (length sockets))))
    ;; Only what goes into a file is read by the init; the Shepherd would announce a reader for everything else.
    (remember-launched
     (if (member log '("console" "none")) start-unread start-command) full
           `(,@(identity-options (if switched? (as-root data) data) variables)
             #:listen-pid-variable? ,(pair? sockets)
             ,@(if (member log '("console" "none"))
                   `(#:extra-ports (,@sockets ,@console-ports))
                   `(#:log-file ,log #:extra-ports ,sockets))))))


;;; Ending.

(define (alive? pid)
  (false-if-exception (begin (kill pid 0) #t)))

(define (process-session pid)
  ;; The session of a process; #f if it is gone, or is only waiting to be waited for.
  (false-if-exception
   (let* ((text (call-with-input-file (format #f "/proc/~a/stat" pid) read-line))
          (fields (string-tokenize (substring text (+ 1 (string-rindex text #\)))))))
     (match fields
       ((state _ _ session . _) (and (not (member state '("Z" "X"))) (string->number session)))))))

(define (process-numbers)
  (filter-map string->number (entries "/proc")))

(define (members sessions)
  ;; The processes of sessions: what a service's processes have made belongs to it as long as it makes no session.
  (filter (lambda (pid) (and (> pid 1) (memv (process-session pid) sessions))) (process-numbers)))

(define (kill-all pids signal)
  (for-each (lambda (pid) (false-if-exception (kill pid signal))) pids))

(define (end-sessions sessions)
  ;; End what a service's main process left behind, as a worker that still holds the service's port.
  (let ((sessions (filter (lambda (session) (and session (> session 1))) sessions)))
    (unless (null? sessions)
      (let ((left (members sessions)))
        (unless (null? left)
          (kill-all left SIGTERM)
          (let wait ((tries 40))
            (unless (null? (members sessions))
              (if (positive? tries)
                  (begin (sleep 0.05) (wait (- tries 1)))
                  (kill-all (members sessions) SIGKILL)))))))))

(define (describe-end status)
  ;; How a process ended, in words.
  (cond ((status:exit-val status) => (lambda (code) (format #f "exited with status ~a" code)))
        ((status:term-sig status)
         => (lambda (number) (format #f "was killed by signal ~a~a" number (signal-note number))))
        (else (format #f "ended with status ~a" status))))

(define (signal-note number)
  (match (assv number `((,SIGKILL . " (SIGKILL; perhaps for lack of memory)") (,SIGSEGV . " (SIGSEGV, a fault of its own)")
                        (,SIGABRT . " (SIGABRT, it gave up)") (,SIGTERM . " (SIGTERM)") (,SIGINT . " (SIGINT)")
                        (,SIGBUS . " (SIGBUS)") (,SIGPIPE . " (SIGPIPE)") (,SIGHUP . " (SIGHUP)")))
    (#f "")
    ((_ . note) note)))

(define (file-size file)
  (or (false-if-exception (stat:size (stat file))) 0))

(define (last-lines file start)
  ;; The last lines of a log from the byte START on, for a report.
  (or (false-if-exception
       (call-with-input-file file
         (lambda (port)
           (seek port (max start (- (stat:size (stat port)) 2000)) SEEK_SET)
           (let* ((text (read-delimited "" port))
                  (lines (remove string-null? (string-split (if (eof-object? text) "" text) #\newline)))
                  (last (take-right lines (min 5 (length lines)))))
             (string-concatenate (map (lambda (line) (string-append "\n  | " line)) last))))
         #:encoding "UTF-8"))
      ""))

(define (what-it-wrote log start)
  ;; What a service wrote to its LOG since it was START bytes long, for a report: the console shows it anyway.
  (match log
    ("console" "")
    ("none" " Its output is dropped, as its declaration says.")
    (file (match (last-lines file start)
            ("" (format #f " It wrote nothing to ~a." file))
            (lines (format #f " The end of ~a:~a" file lines))))))

(define (await-end pid status give-up?)
  ;; The exit status of a command that was started, or #f after ending it because GIVE-UP? says so.
  (match (get-message* status 0.1 'running)
    ('running
     (if (give-up?)
         (begin
           (false-if-exception (kill (- pid) SIGTERM))
           (when (eq? 'running (get-message* status 2 'running))
             (false-if-exception (kill (- pid) SIGKILL))
             (get-message status))
           #f)
         (await-end pid status give-up?)))
    (exit-status exit-status)))
