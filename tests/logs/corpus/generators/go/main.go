// Writes 40 lines with one of Go's logging libraries, every second one an error's: go-loggers LIBRARY.
package main

import (
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/rs/zerolog"
	"github.com/sirupsen/logrus"
	"go.uber.org/zap"
	"k8s.io/klog/v2"
)

type writer struct{ failed, info, warning func(string) }

var zapLevels = func(config zap.Config) writer {
	config.Sampling, config.DisableStacktrace, config.DisableCaller = nil, true, false
	config.OutputPaths = []string{"stdout"}
	logger, err := config.Build()
	if err != nil {
		panic(err)
	}
	return writer{
		failed:  func(text string) { logger.Error(text, zap.Int("attempt", 1)) },
		info:    func(text string) { logger.Info(text, zap.Int("attempt", 1)) },
		warning: func(text string) { logger.Warn(text) },
	}
}

func ofLogrus(format logrus.Formatter) writer {
	logger := logrus.New()
	logger.SetOutput(os.Stdout)
	logger.SetFormatter(format)
	entry := logger.WithField("attempt", 1)
	return writer{
		failed:  func(text string) { entry.Error(text) },
		info:    func(text string) { entry.Info(text) },
		warning: func(text string) { entry.Warn(text) },
	}
}

func ofSlog(logger *slog.Logger) writer {
	return writer{
		failed:  func(text string) { logger.Error(text, "attempt", 1) },
		info:    func(text string) { logger.Info(text, "attempt", 1) },
		warning: func(text string) { logger.Warn(text) },
	}
}

func ofZerolog(logger zerolog.Logger) writer {
	return writer{
		failed:  func(text string) { logger.Error().Int("attempt", 1).Msg(text) },
		info:    func(text string) { logger.Info().Int("attempt", 1).Msg(text) },
		warning: func(text string) { logger.Warn().Msg(text) },
	}
}

var libraries = map[string]func() writer{
	"zap":            func() writer { return zapLevels(zap.NewProductionConfig()) },
	"zap-console":    func() writer { return zapLevels(zap.NewDevelopmentConfig()) },
	"logrus":         func() writer { return ofLogrus(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true}) },
	"logrus-json":    func() writer { return ofLogrus(&logrus.JSONFormatter{}) },
	"logrus-tty":     func() writer { return ofLogrus(&logrus.TextFormatter{ForceColors: true}) },
	"slog-text":      func() writer { return ofSlog(slog.New(slog.NewTextHandler(os.Stdout, nil))) },
	"slog-json":      func() writer { return ofSlog(slog.New(slog.NewJSONHandler(os.Stdout, nil))) },
	"slog-default":   func() writer { log.SetOutput(os.Stdout); return ofSlog(slog.Default()) },
	"zerolog":        func() writer { return ofZerolog(zerolog.New(os.Stdout).With().Timestamp().Logger()) },
	"zerolog-console": func() writer {
		console := zerolog.ConsoleWriter{Out: os.Stdout, NoColor: true, TimeFormat: "2006-01-02T15:04:05Z07:00"}
		return ofZerolog(zerolog.New(console).With().Timestamp().Logger())
	},
	"klog": func() writer {
		flags := flag.NewFlagSet("klog", flag.PanicOnError)
		klog.InitFlags(flags)
		_ = flags.Set("logtostderr", "false")
		_ = flags.Set("one_output", "true")
		klog.SetOutput(os.Stdout)
		return writer{
			failed:  func(text string) { klog.ErrorS(nil, text, "attempt", 1) },
			info:    func(text string) { klog.InfoS(text, "attempt", 1) },
			warning: func(text string) { klog.Warning(text) },
		}
	},
}

func main() {
	write := libraries[os.Args[1]]()
	for number := 0; number < 40; number++ {
		text := fmt.Sprintf("lead %d was looked at", number)
		switch {
		case number%2 == 1:
			write.failed(text)
		case number%4 == 0:
			write.info(text)
		default:
			write.warning(text)
		}
	}
	klog.Flush()
}
