import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import java.util.function.Consumer;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.logging.log4j.core.config.builder.api.ConfigurationBuilder;
import org.apache.logging.log4j.core.config.builder.api.ConfigurationBuilderFactory;
import org.slf4j.LoggerFactory;

/** Writes 40 lines with one of Java's logging libraries, every second one an error's. */
public final class Loggers {
  record Writer(Consumer<String> failed, Consumer<String> info, Consumer<String> warning) {}

  /** Logback as it is without a configuration, or with its JSON encoder in place of the default pattern. */
  static Writer logback(boolean isJson) {
    var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    if (isJson) {
      context.reset();
      var encoder = new JsonEncoder();
      encoder.setContext(context);
      encoder.start();
      var out = new ConsoleAppender<ILoggingEvent>();
      out.setContext(context);
      out.setEncoder(encoder);
      out.start();
      context.getLogger("ROOT").addAppender(out);
    }
    var logger = context.getLogger("com.example.Main");
    return new Writer(logger::error, logger::info, logger::warn);
  }

  static Writer log4j(boolean isJson) {
    ConfigurationBuilder<?> builder = ConfigurationBuilderFactory.newConfigurationBuilder();
    var layout =
        isJson
            ? builder.newLayout("JsonTemplateLayout")
            : builder.newLayout("PatternLayout").addAttribute("pattern", "%d [%t] %-5level %logger{36} - %msg%n");
    builder.add(builder.newAppender("out", "CONSOLE").add(layout));
    builder.add(builder.newRootLogger(Level.INFO).add(builder.newAppenderRef("out")));
    Configurator.initialize(builder.build());
    var logger = org.apache.logging.log4j.LogManager.getLogger("com.example.Main");
    return new Writer(logger::error, logger::info, logger::warn);
  }

  static Writer util() {
    var logger = java.util.logging.Logger.getLogger("com.example.Main");
    return new Writer(logger::severe, logger::info, logger::warning);
  }

  public static void main(String[] arguments) {
    Writer writer =
        switch (arguments[0]) {
          case "logback" -> logback(false);
          case "logback-json" -> logback(true);
          case "log4j2" -> log4j(false);
          case "log4j2-json" -> log4j(true);
          default -> util();
        };
    for (int number = 0; number < 40; number++) {
      var write = number % 2 == 1 ? writer.failed() : number % 4 == 0 ? writer.info() : writer.warning();
      write.accept("lead " + number + " was looked at");
    }
  }
}
